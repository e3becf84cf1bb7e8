from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from tests.examples.trading import FOLDER, ROOT, trading_loss

from ambidex.losses import NumpyOps
from ambidex.losses.loss import Loss


@pytest.fixture
def loss(monkeypatch: pytest.MonkeyPatch) -> Loss:
    return trading_loss(monkeypatch)


def value(loss: Loss, y_true: float, y_pred: float) -> float:
    return float(loss(NumpyOps(), np.full((1, 1, 1), y_true), np.full((1, 1, 1), y_pred))[0, 0, 0])


def test_the_right_direction_costs_the_error(loss: Loss) -> None:
    assert value(loss, 2.0, 1.5) == 0.5
    assert value(loss, -2.0, -1.5) == 0.5
    assert value(loss, 1.0, 1.0) == 0.0


def test_the_wrong_direction_costs_three_times_the_error(loss: Loss) -> None:
    assert value(loss, 1.0, -1.0) == pytest.approx(3 * 2.0, rel=1e-6)
    assert value(loss, -1.0, 1.0) == pytest.approx(3 * 2.0, rel=1e-6)


def test_a_return_of_nothing_has_no_direction(loss: Loss) -> None:
    assert value(loss, 0.0, -1.0) == 1.0
    assert value(loss, 1.0, 0.0) == 1.0
    # By hand: |0.2| · (1 + 2 · tanh(1)²)
    assert value(loss, 0.1, -0.1) == pytest.approx(0.2 * (1 + 2 * np.tanh(1.0) ** 2))


def test_the_command_finds_it_beside_the_data() -> None:
    code = "from ambidex.losses import make_loss; print(make_loss('directional:directional_loss').__name__)"
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=FOLDER, env=env, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["directional_loss"], done.stderr
