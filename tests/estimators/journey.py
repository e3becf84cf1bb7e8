"""What an estimator must do in every engine: the tests of each call these with its name."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.estimators.samples import FORECAST, QUICK, columns, features, series

import ambidex
from ambidex import Forecaster, TabularClassifier, TabularRegressor


def check_classifier(backend: str, folder: Path) -> None:
    """Learns a flag, answers as it was asked, and survives being saved, copied and pickled."""
    table = columns()
    model = TabularClassifier(backend=backend, drop=["price"], **QUICK).fit(table, "good")
    assert model.artifact_.training.backend == backend
    assert model.classes_.tolist() == [False, True]
    assert (model.n_features_in_, model.feature_names_in_.tolist()) == (3, ["size", "shape", "price"])
    labels = model.predict(features())
    assert labels.dtype == bool
    assert model.score(table) == np.mean(labels == table["good"]) > 0.9
    probabilities = model.predict_proba(features())
    assert np.array_equal(probabilities[:, 1] >= 0.5, labels)
    model.save(folder / "model.ambidex")
    again = ambidex.load(folder / "model.ambidex")
    assert np.array_equal(again.predict_proba(features()), probabilities)
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert np.array_equal(twin.predict_proba(features()), probabilities)
        twin.save(folder / "twin.ambidex")
        assert (folder / "twin.ambidex").read_bytes() == (folder / "model.ambidex").read_bytes()


def check_regressor(backend: str) -> None:
    """Learns two numbers at once, with quantiles, from values in place of names."""
    table = columns()
    y = np.stack([table["price"], -table["price"]], axis=1)
    model = TabularRegressor(backend=backend, **QUICK).fit(features(), y)
    assert model.predict(features()).shape == y.shape
    assert model.score(features(), y) > 0.8
    levels = TabularRegressor(backend=backend, quantiles=(0.1, 0.9), **QUICK).fit(features(), table["price"])
    low, high = levels.predict_quantiles(features()).T
    assert np.mean(low < high) > 0.9
    with pytest.raises(ambidex.errors.UsageError, match="a model with quantiles"):
        model.predict_quantiles(features())


def check_forecaster(backend: str) -> None:
    """Continues a wave in the kind of frame that came, and judges itself."""
    history = series()
    model = Forecaster(backend=backend, **FORECAST).fit(history, target="level", time="day")
    forecast = model.predict(history)
    assert list(forecast) == ["day", "level"]
    assert np.asarray(forecast["day"], dtype="datetime64[D]")[0] == np.datetime64("2024-06-09")
    untrained = -model.artifact_.training.baselines["naive"]["mse_scaled"]
    assert untrained < model.score(history) < 0


def absolute(ops: Any, y_true: Any, y_pred: Any) -> Any:
    """A loss as a user writes it."""
    return ops.abs(y_true - y_pred)


def check_own_loss(backend: str) -> None:
    """A function trains as the loss of that name, and is written down by its own."""
    target = columns()["price"]
    own, named = (
        TabularRegressor(backend=backend, loss=loss, **QUICK).fit(features(), target) for loss in (absolute, "mae")
    )
    assert np.array_equal(own.predict(features()), named.predict(features()))
    record = own.artifact_.training
    assert record.loss == record.experiment.loss == f"{absolute.__module__}:absolute"
