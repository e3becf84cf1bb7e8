"""From an estimator's settings to an experiment: the same record, checked in the same place, as the command's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from ambidex.config import Experiment, Given, resolve
from ambidex.errors import UsageError, expected
from ambidex.estimators.estimator import Estimator
from ambidex.losses.loss import Loss

PATHS: dict[str, str] = {
    "backend": "backend",
    "model": "model",
    "horizon": "series.horizon",
    "window": "series.window",
    "scaling": "series.scaling",
    "epochs": "plan.epochs",
    "batch_size": "plan.batch_size",
    "learning_rate": "plan.optimizer.learning_rate",
    "loss": "loss",
    "metric": "metric",
    "validation": "validation",
    "split": "split",
    "patience": "plan.patience",
    "seed": "plan.seed",
    "class_weight": "class_weight",
    "threshold": "threshold",
    "quantiles": "quantiles",
    "device": "plan.device",
    "precision": "plan.precision",
    "threads": "plan.threads",
    "deterministic": "plan.is_deterministic",
    "time_budget": "plan.time_budget_s",
    "columns": "columns",
    "drop": "drop",
}
"""Every parameter that is a field of the experiment. None leaves the field to the model's own default."""


def make_experiment(estimator: Estimator, values: Mapping[str, Any]) -> tuple[Experiment, Loss | None]:
    """The experiment of an estimator's settings and of `values` by dotted path, and a loss that is a function.

    Raises `UsageError` naming the field that cannot be meant.
    """
    settings = estimator.get_params()
    tree: dict[str, Any] = {}
    loss: Loss | None = None
    for name, path in PATHS.items():
        value = settings.get(name)
        if name == "loss" and callable(value):
            loss = value
        elif value is not None and not (name == "class_weight" and isinstance(value, Mapping)):
            tree[path] = plain(value)
    tree |= values
    return resolve(Given(values=tree, assignments=_assignments(settings.get("settings")))), loss


def _assignments(settings: Any) -> list[str]:
    """Other fields as the texts that `--set` takes."""
    if settings is None:
        return []
    if not isinstance(settings, Mapping):
        raise UsageError(expected("a dict of fields", got=type(settings).__name__, where="settings"), where="settings")
    return [f"{name}={json.dumps(plain(value))}" for name, value in settings.items()]


def plain(value: Any) -> Any:
    """A setting as Python's own types: a search over a grid gives NumPy's."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(part) for part in value]
    return value
