"""Weights changed by hand in a Keras model become a new, certified model."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

import ambidex
from ambidex.errors import UsageError

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def artifact() -> Any:
    rng = np.random.default_rng(0)
    frame = {"t": np.arange("2024-01-01", "2024-04-10", dtype="datetime64[D]"), "y": rng.normal(size=100).cumsum()}
    settings: dict[str, Any] = {"horizon": 3, "window": 12, "epochs": 1, "certify": "backend", "threads": 1}
    model = ambidex.Forecaster(model="lstm", backend="tensorflow", **settings).fit(frame, target="y", time="t")
    return model.artifact_


def test_a_forecaster_takes_the_weights_of_a_changed_model(artifact: Any) -> None:
    model = artifact.to_keras()
    for variable in model.trainable_variables:
        variable.assign(variable * 0.5)
    changed = artifact.load_from(model)
    assert all(
        np.array_equal(array * np.float32(0.5), changed.weights[name]) for name, array in artifact.weights.items()
    )
    assert changed.certificate.holds
    assert changed.training.backend == "tensorflow"
    assert changed.training.metrics == {}


def test_another_model_is_refused(artifact: Any) -> None:
    other = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    with pytest.raises(
        UsageError, match=r"^Expected the layers of this model, got .* Change the weights of what to_keras"
    ):
        artifact.load_from(other)
