"""scikit-learn's own checks of an estimator, each a small fit."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from ambidex import TabularClassifier, TabularRegressor

pytestmark = [pytest.mark.torch, pytest.mark.slow]

SETTINGS: dict[str, Any] = {
    "backend": "torch",
    "epochs": 30,
    "batch_size": 32,
    "learning_rate": 0.01,
    "threads": 1,
    "settings": {"hidden": [32], "dropout": 0.0},
    "certify": "backend",
}
EXPECTED: dict[str, str] = {
    "check_sample_weight_equivalence_on_dense_data": "a row of weight zero still takes part in splits and statistics",
}
CLASSIFIERS: dict[str, str] = {
    **EXPECTED,
    "check_supervised_y_2d": "a table of one column is a target, and taken without a warning",
}


def expected_failures(estimator: Any) -> dict[str, str]:
    """The checks that cannot hold, each with its reason."""
    return CLASSIFIERS if isinstance(estimator, TabularClassifier) else EXPECTED


with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message="Estimator .* does not inherit from `sklearn.base.BaseEstimator`")
    parametrize: pytest.MarkDecorator = parametrize_with_checks(
        [TabularClassifier(**SETTINGS), TabularRegressor(**SETTINGS)], expected_failed_checks=expected_failures
    )


@pytest.mark.filterwarnings("ignore")
@parametrize
def test_what_scikit_learn_asks_of_an_estimator(estimator: Any, check: Callable[[Any], None]) -> None:
    check(estimator)
