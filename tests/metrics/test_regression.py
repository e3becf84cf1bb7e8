"""Measures of numbers agree with scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as referee

from ambidex.metrics.regression import regression_metrics


def test_one_target_agrees_with_scikit_learn(rng: np.random.Generator) -> None:
    actual, predicted = rng.normal(size=(90, 1)), rng.normal(size=(90, 1))
    assert regression_metrics(actual, predicted, ["y"]) == pytest.approx(
        {
            "rmse": referee.root_mean_squared_error(actual, predicted),
            "mae": referee.mean_absolute_error(actual, predicted),
            "r2": referee.r2_score(actual, predicted),
        }
    )


def test_several_targets_are_averaged_and_shown_one_by_one(rng: np.random.Generator) -> None:
    actual, predicted = rng.normal(size=(90, 2)) * [1, 9], rng.normal(size=(90, 2))
    found = regression_metrics(actual, predicted, ["a", "b"])
    assert found["r2"] == pytest.approx(referee.r2_score(actual, predicted))
    assert found["rmse"] == pytest.approx(referee.root_mean_squared_error(actual, predicted))
    assert found["mae:b"] == pytest.approx(referee.mean_absolute_error(actual[:, 1], predicted[:, 1]))
    assert found["rmse"] == pytest.approx((found["rmse:a"] + found["rmse:b"]) / 2)


def test_a_constant_target_has_no_share_explained() -> None:
    actual, predicted = np.array([[1.0, 5.0], [2.0, 5.0]]), np.array([[1.0, 4.0], [2.0, 6.0]])
    found = regression_metrics(actual, predicted, ["a", "b"])
    assert found["r2"] == 1.0
    assert "r2:b" not in found
    assert found["mae:b"] == 1.0
    assert "r2" not in regression_metrics(actual[:, 1:], predicted[:, 1:], ["b"])
