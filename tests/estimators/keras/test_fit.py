from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.estimators.journey import check_classifier, check_forecaster, check_own_loss, check_regressor

pytestmark = [pytest.mark.tensorflow, pytest.mark.jax]


@pytest.fixture
def engine() -> str:
    """The engine that this process runs Keras on."""
    return os.environ.get("KERAS_BACKEND", "tensorflow")


def test_a_classifier_learns_and_lasts(engine: str, tmp_path: Path) -> None:
    check_classifier(engine, tmp_path)


def test_a_regressor_learns_several_numbers_and_quantiles(engine: str) -> None:
    check_regressor(engine)


def test_a_forecaster_continues_a_wave(engine: str) -> None:
    check_forecaster(engine)


def test_a_function_is_a_loss(engine: str) -> None:
    check_own_loss(engine)
