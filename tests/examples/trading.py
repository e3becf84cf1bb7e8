"""The trading loss of the examples, tried in an engine."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ambidex import Forecaster
from ambidex.losses import Loss, NumpyOps

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples" / "trading_loss"
PRICES = ROOT / "examples" / "data" / "wti_daily.csv"
SETTINGS: dict[str, Any] = {
    "horizon": 2,
    "window": 8,
    "scaling": "log_ratio",
    "model": "lstm",
    "epochs": 3,
    "batch_size": 32,
    "threads": 1,
    "settings": {"units": 4, "epoch_samples": 0},
    "certify": "backend",
}


def trading_loss(monkeypatch: pytest.MonkeyPatch) -> Loss:
    """The function, imported as a user's script beside it does."""
    monkeypatch.syspath_prepend(str(FOLDER))
    loss: Loss = importlib.import_module("directional").directional_loss
    return loss


def returns() -> tuple[np.ndarray, np.ndarray]:
    """Outcomes and forecasts (B, H, targets) of every size and direction, zero among them."""
    rng = np.random.default_rng(11)
    y_true = rng.normal(size=(40, 3, 2)).astype(np.float32)
    y_pred = (y_true * rng.choice([-1.0, 0.0, 0.01, 1.0], y_true.shape)).astype(np.float32)
    return y_true, y_pred


def check_value(loss: Loss, ops: Any, put: Any, get: Any) -> None:
    """The engine's value is NumPy's."""
    y_true, y_pred = returns()
    expected = loss(NumpyOps(), y_true, y_pred)
    assert expected.shape == y_true.shape
    np.testing.assert_allclose(get(loss(ops, put(y_true), put(y_pred))), expected, rtol=2e-5, atol=1e-6)


def check_training(loss: Loss, backend: str) -> None:
    """Three epochs on real prices bring it down, and the artifact says what was minimised."""
    lines = PRICES.read_text(encoding="utf-8").splitlines()[1:300]
    dates, prices = zip(*(line.split(",") for line in lines), strict=True)
    oil = {"Date": list(dates), "Price": list(prices)}
    model = Forecaster(backend=backend, loss=loss, **SETTINGS).fit(oil, target="Price", time="Date")
    record = model.artifact_.training
    assert (record.backend, record.loss) == (backend, "directional:directional_loss")
    losses = [epoch.train_loss for epoch in record.history.epochs if epoch.train_loss is not None]
    assert len(losses) == 3
    assert losses[-1] < losses[0]
    assert np.isfinite(np.asarray(model.predict(oil)["Price"], dtype=float)).all()
