from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.ingest.models import NUMBERS, frame

from ambidex.backends.keras._import import keras
from ambidex.data.frames import table_from
from ambidex.ingest.foreign import ModelRefusedError, Wanted
from ambidex.ingest.program import read_keras, read_savedmodel
from ambidex.workflow.ingest import import_foreign

pytestmark = pytest.mark.tensorflow


def network(last: str | None) -> Any:
    keras.utils.set_random_seed(0)
    layers = [keras.Input((3,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(1, last)]
    return keras.Sequential(layers)


def test_a_sigmoid_becomes_a_classifier_of_two_labels(tmp_path: Path) -> None:
    rows, model = frame(), network("sigmoid")
    model.save(tmp_path / "m.keras")
    foreign = read_keras(tmp_path / "m.keras", Wanted(classes=("no", "yes"), columns=tuple(NUMBERS)))
    artifact = import_foreign(foreign, table_from(rows), target="y").artifact
    wanted = model.predict(rows[NUMBERS].to_numpy(np.float32), verbose=0)[:, 0]
    np.testing.assert_allclose(artifact.predict_proba(rows)[:, 1], wanted, atol=1e-6)
    assert artifact.predict(rows)[0] == ("yes" if wanted[0] > 0.5 else "no")


def test_inputs_by_name_are_columns(tmp_path: Path) -> None:
    inputs = {name: keras.Input((1,), name=name) for name in ("width", "height")}
    keras.Model(inputs, keras.layers.Add()(list(inputs.values()))).save(tmp_path / "m.keras")
    artifact = import_foreign(read_keras(tmp_path / "m.keras", Wanted()), None, target="sum").artifact
    np.testing.assert_allclose(artifact.predict({"height": [1.0], "width": [2.5]}), [3.5])


def test_a_saved_model_becomes_a_regressor(tmp_path: Path) -> None:
    model = network(None)
    model.export(tmp_path / "saved", verbose=False)
    artifact = import_foreign(read_savedmodel(tmp_path / "saved", Wanted()), None, target="y").artifact
    wanted = model.predict(np.array([[0.5, -1.0, 2.0]], np.float32), verbose=0)[0]
    np.testing.assert_allclose(artifact.predict({"x0": [0.5], "x1": [-1.0], "x2": [2.0]}), wanted, atol=1e-6)


def test_a_network_over_windows_has_no_columns(tmp_path: Path) -> None:
    keras.Sequential([keras.Input((5, 3)), keras.layers.LSTM(4), keras.layers.Dense(1)]).save(tmp_path / "m.keras")
    with pytest.raises(ModelRefusedError, match="Expected inputs that are columns or one matrix of them"):
        read_keras(tmp_path / "m.keras", Wanted())
