from __future__ import annotations

import os

import numpy as np
import pytest
from tests.examples.trading import check_training, check_value, trading_loss

from ambidex.backends.keras.engine import steps
from ambidex.backends.keras.ops import EngineOps

pytestmark = [pytest.mark.tensorflow, pytest.mark.jax]


def test_its_value_is_numpys(monkeypatch: pytest.MonkeyPatch) -> None:
    check_value(trading_loss(monkeypatch), EngineOps(), steps.put, np.asarray)


def test_it_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    check_training(trading_loss(monkeypatch), os.environ.get("KERAS_BACKEND", "tensorflow"))
