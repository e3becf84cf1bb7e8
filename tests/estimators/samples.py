"""Small frames that a network learns in a moment, and settings with which it does."""

from __future__ import annotations

from typing import Any

import numpy as np

QUICK: dict[str, Any] = {
    "epochs": 20,
    "batch_size": 32,
    "learning_rate": 0.02,
    "threads": 1,
    "settings": {"hidden": [16], "dropout": 0.0},
    "certify": "backend",
}
ROWS = 160


def columns(rows: int = ROWS) -> dict[str, Any]:
    """A number, a category with missing values, and a truth that follows from both."""
    rng = np.random.default_rng(7)
    size = rng.normal(size=rows)
    shape = rng.choice(["round", "square", "flat"], rows).astype(object)
    good = size + 1.5 * (shape == "round") > 0.4
    price = 10 + 3 * size + 5 * (shape == "round")
    return {"size": size, "shape": shape, "good": good, "price": price}


def features(rows: int = ROWS) -> dict[str, Any]:
    """The columns without the targets."""
    return {name: values for name, values in columns(rows).items() if name in ("size", "shape")}


def series(days: int = 160) -> dict[str, Any]:
    """A wave with a period of eight days."""
    steps = np.arange(days)
    stamps = np.datetime64("2024-01-01", "us") + steps * np.timedelta64(1, "D")
    return {"day": stamps, "level": 20 + 5 * np.sin(2 * np.pi * steps / 8)}


FORECAST: dict[str, Any] = {
    "horizon": 4,
    "window": 12,
    "model": "lstm",
    "scaling": "standardize",
    "epochs": 6,
    "batch_size": 16,
    "learning_rate": 0.02,
    "threads": 1,
    "settings": {"units": 8, "epoch_samples": 0},
    "certify": "backend",
}
