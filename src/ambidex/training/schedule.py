"""Learning rates of a whole run as one array, made before it begins."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ambidex.training.plan import Plan

Floats = npt.NDArray[np.float64]


def _one_cycle(t: Floats) -> Floats:
    """Up along a cosine for 30 % of the run, then down to nearly nothing (Smith & Topin 2018)."""
    up = 0.04 + 0.96 * (1 - np.cos(np.pi * t / 0.3)) / 2
    down = 1e-4 + (1 - 1e-4) * (1 + np.cos(np.pi * (t - 0.3) / 0.7)) / 2
    return np.where(t < 0.3, up, down)


SCHEDULES: dict[str, Callable[[Floats], Floats]] = {
    "constant": np.ones_like,
    "cosine": lambda t: 0.5 * (1 + np.cos(np.pi * t)),
    "one_cycle": _one_cycle,
    "step": lambda t: 0.1 ** np.floor(3 * t),
}
"""Factors of the learning rate at a point t of the run, 0 at its beginning and 1 at the end of its last epoch."""


def learning_rates(plan: Plan, steps_per_epoch: int, epoch: int) -> Floats:
    """The learning rate of each step of an epoch (0 is the first), (steps,). `warmup` is a share of the run."""
    total = plan.epochs * steps_per_epoch
    t = (epoch * steps_per_epoch + np.arange(steps_per_epoch)) / max(total, 1)
    factor = SCHEDULES[plan.schedule](t)
    if plan.warmup > 0:
        factor = factor * np.minimum(1.0, (t * total + 1) / (plan.warmup * total))
    return np.asarray(plan.optimizer.learning_rate * factor)
