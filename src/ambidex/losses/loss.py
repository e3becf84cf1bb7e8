"""The losses by name, and the one rule that turns any of them into the number that is minimised."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ambidex.errors import UsageError, expected, one_of
from ambidex.losses.ops import Ops, Tensor

Loss = Callable[[Ops, Tensor, Tensor], Tensor]
"""A function of `(ops, y_true, y_pred)`: losses per value or per sample (the batch first), or one number for the batch.

`y_true` is the encoded target: class codes (B,) int64, or numbers (B, targets) or (B, H, targets) float32 in units of
the scaling. `y_pred` is the raw output: logits (B, K) or one logit (B, 1), or numbers of the shape of `y_true`.
"""


def _check_ranks(y_true: Tensor, y_pred: Tensor, *, extra: int) -> None:
    """Codes have one axis less than logits, numbers as many as predictions: else shapes might broadcast in silence."""
    if len(y_pred.shape) - len(y_true.shape) != extra:
        wanted = "classes, which this loss is for" if extra else "numbers, which this loss is for"
        got = "numbers" if extra else "classes"
        raise UsageError(expected(wanted, got=f"{got} to predict", where="--loss"), where="--loss")


def _check_numbers(y_true: Tensor, y_pred: Tensor, *, levels: int = 1) -> None:
    """One prediction for each target and level."""
    _check_ranks(y_true, y_pred, extra=0)
    wanted, got = y_true.shape[-1], y_pred.shape[-1]
    if got != wanted * levels:
        fix = "Give --quantiles with the loss quantile, and only with it."
        what = f"{wanted * levels} outputs ({wanted} targets, {levels} levels)"
        raise UsageError(expected(what, got=got, where="--loss", fix=fix), where="--loss")


def cross_entropy(ops: Ops, y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Minus the log of the true class's probability, (B,). One logit is the log odds of class 1."""
    _check_ranks(y_true, y_pred, extra=1)
    if y_pred.shape[-1] == 1:
        logit = y_pred[..., 0]
        positive = ops.where(y_true > 0, -logit, logit)
        return ops.softplus(positive)
    return -ops.take_class(ops.log_softmax(y_pred), y_true)


def mse(ops: Ops, y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Squared error."""
    _check_numbers(y_true, y_pred)
    return ops.square(y_pred - y_true)


def mae(ops: Ops, y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Absolute error."""
    _check_numbers(y_true, y_pred)
    return ops.abs(y_pred - y_true)


def huber(ops: Ops, y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Quadratic within one unit of the scaled target, linear beyond (Huber 1964)."""
    _check_numbers(y_true, y_pred)
    error = ops.abs(y_pred - y_true)
    inner = ops.minimum(error, ops.abs(error * 0 + 1))
    return inner * error - 0.5 * inner * inner


def quantile_loss(levels: Sequence[float]) -> Loss:
    """The pinball loss (Koenker & Bassett 1978), averaged over levels.

    `y_pred` holds the levels one after the other along the last axis: (…, Q · targets) for targets (…, targets).
    """

    def quantile(ops: Ops, y_true: Tensor, y_pred: Tensor) -> Tensor:
        _check_numbers(y_true, y_pred, levels=len(levels))
        size = y_true.shape[-1]
        total = 0.0
        for position, level in enumerate(levels):
            error = y_true - y_pred[..., position * size : (position + 1) * size]
            total = total + ops.maximum(level * error, (level - 1) * error)
        return total / len(levels)

    return quantile


LOSSES: dict[str, Loss] = {"cross_entropy": cross_entropy, "mse": mse, "mae": mae, "huber": huber}
"""Losses without parameters; `quantile` is made for its levels by `make_loss`."""


def make_loss(name: str | Loss, quantiles: Sequence[float] = ()) -> Loss:
    """A loss by name, by `module:function`, or as it is. A module is looked for in the working folder too."""
    if callable(name):
        return name
    if name == "quantile":
        return quantile_loss(quantiles or (0.1, 0.5, 0.9))
    if name in LOSSES:
        return LOSSES[name]
    if ":" in name:
        return _import_loss(name)
    names = one_of([*LOSSES, "quantile"], name)
    raise UsageError(expected(f"module:function or {names}", got=f"loss {name!r}", where="--loss"), where="--loss")


def loss_name(loss: Loss) -> str:
    """How a function is written down: `module:qualname`."""
    kind = type(loss)
    named: Any = loss if hasattr(loss, "__qualname__") else kind
    return f"{named.__module__}:{named.__qualname__}"


def _import_loss(path: str) -> Loss:
    module_name, _, attribute = path.partition(":")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise UsageError(expected("an importable module", got=f"{module_name!r} ({error})", where="--loss")) from None
    function: Any = getattr(module, attribute, None)
    if not callable(function):
        raise UsageError(expected(f"a function {attribute!r} in {module_name!r}", got=f"{function!r}", where="--loss"))
    loss: Loss = function
    return loss


def batch_loss(loss: Loss, ops: Ops, y_true: Tensor, y_pred: Tensor, weight: Tensor | None) -> Tensor:
    """The mean over samples, weighted: Σ wᵢ ℓᵢ / Σ wᵢ, where ℓᵢ is the mean over everything but the batch.

    A loss that returns one number for the batch is taken as it is; it cannot be weighted.
    """
    values = loss(ops, y_true, y_pred)
    if len(values.shape) == 0:
        if weight is not None:
            raise UsageError("Expected a loss per sample to weight the rows, got one number for the whole batch.")
        return values
    for _ in range(len(values.shape) - 1):
        values = ops.mean(values, axis=-1)
    if weight is None:
        return ops.mean(values)
    return ops.sum(values * weight) / ops.sum(weight)
