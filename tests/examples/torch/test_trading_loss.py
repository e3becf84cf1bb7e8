from __future__ import annotations

import pytest
import torch
from tests.examples.trading import check_training, check_value, trading_loss

from ambidex.backends.torch.ops import EngineOps

pytestmark = pytest.mark.torch


def test_its_value_is_numpys(monkeypatch: pytest.MonkeyPatch) -> None:
    check_value(trading_loss(monkeypatch), EngineOps(), torch.from_numpy, lambda tensor: tensor.numpy())


def test_it_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    check_training(trading_loss(monkeypatch), "torch")
