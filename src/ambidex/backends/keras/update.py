"""The update equations of `training.plan.Optimizer` on tensors of any shape, in torch's order of operations.

torch computes the bias corrections in float64 and rounds them once. So do we: they depend on nothing but the step, and
arrive as five float32 scalars per batch.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ambidex.backends.keras._import import keras
from ambidex.training.plan import Optimizer

Tensor = Any
SLOTS = {"adamw": ("m", "v"), "adam": ("m", "v"), "sgd": ("momentum",)}
"""The running averages that each optimizer keeps, by the names they have in a canonical state."""


class Scalars(NamedTuple):
    """What changes from batch to batch.

    lr / (1 - β₁ᵗ), √(1 - β₂ᵗ) and 1 - lr · decay; the batch's share of its group's gradient; 1 where the group ends
    in an update, else 0.
    """

    step_size: Tensor
    correction: Tensor
    keep: Tensor
    share: Tensor
    is_update: Tensor


def make_scalars(
    plan: Optimizer, learning_rates: npt.NDArray[np.float64], first: int, accumulate: int = 1
) -> npt.NDArray[np.float32]:
    """The scalars of a run, (steps, 5) float32; `first` updates have been made before it.

    A last group of fewer batches than `accumulate` is an update too, with the mean of the gradients it has.
    """
    steps = len(learning_rates)
    batch = np.arange(steps)
    group = batch // accumulate
    is_update = (batch % accumulate == accumulate - 1) | (batch == steps - 1)
    step = first + 1 + group
    is_adam = plan.name != "sgd"
    return np.stack(
        [
            learning_rates / (1 - plan.beta1**step) if is_adam else learning_rates,
            np.sqrt(1 - plan.beta2**step) if is_adam else np.ones(steps),
            1 - learning_rates * decay(plan),
            1 / np.bincount(group, minlength=1)[group],
            is_update.astype(np.float64),
        ],
        axis=1,
    ).astype(np.float32)


def decay(plan: Optimizer) -> float:
    """The decoupled decay; plain Adam has none."""
    return 0.0 if plan.name == "adam" else plan.weight_decay


def clip_factor(limit: float, square_sum: Tensor) -> Tensor:
    """What a gradient of this squared norm is multiplied by: min(1, limit / (norm + 1e-6)), as torch clips."""
    return keras.ops.minimum(limit / (keras.ops.sqrt(square_sum) + 1e-6), 1.0)


def move(
    plan: Optimizer, weight: Tensor, gradient: Tensor, slots: tuple[Tensor, ...], scalars: Scalars
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """One update of a weight that has been decayed already; the weight and its slots after it."""
    if plan.name == "sgd":
        velocity = plan.momentum * slots[0] + gradient
        return weight - scalars.step_size * velocity, (velocity,)
    m = slots[0] + (1 - plan.beta1) * (gradient - slots[0])
    v = plan.beta2 * slots[1] + (1 - plan.beta2) * gradient * gradient
    scale = keras.ops.sqrt(v) / scalars.correction + plan.epsilon
    return weight - scalars.step_size * (m / scale), (m, v)
