"""The arithmetic of losses agrees with NumPy's edition of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ambidex.backends.keras.engine import steps
from ambidex.backends.keras.ops import EngineOps
from ambidex.losses import LOSSES, NumpyOps, batch_loss, make_loss

pytestmark = [pytest.mark.tensorflow, pytest.mark.jax]

Call = Callable[[Any, Any, Any], Any]


# JAX has no float64 unless asked for, so both engines are tried in the float32 that they train in.
CLOSE = 2e-6


def _tensor(array: Any) -> Any:
    return steps.put(np.asarray(array, np.int32 if array.dtype.kind == "i" else np.float32))


def of_one(name: str, **options: Any) -> Call:
    """A call with the first tensor alone."""
    return lambda ops, x, y: getattr(ops, name)(x, **options)


def of_positive(name: str) -> Call:
    """A call with the first tensor's magnitudes."""
    return lambda ops, x, y: getattr(ops, name)(ops.abs(x))


CALLS: dict[str, Call] = {
    **{
        name: of_one(name)
        for name in ("abs", "exp", "square", "sign", "tanh", "sigmoid", "softplus", "relu", "log_softmax")
    },
    **{name: of_positive(name) for name in ("log", "log1p", "sqrt")},
    "maximum": lambda ops, x, y: ops.maximum(x, y),
    "minimum": lambda ops, x, y: ops.minimum(x, y),
    "maximum with a number": lambda ops, x, y: ops.maximum(x, 0.25),
    "minimum with a number": lambda ops, x, y: ops.minimum(x, 0.25),
    "where": lambda ops, x, y: ops.where(x > y, x, y),
    "where with numbers": lambda ops, x, y: ops.where(x > 0, 1.0, 0.0),
    "concat": lambda ops, x, y: ops.concat([x, y], axis=-1),
    "cumsum": lambda ops, x, y: ops.cumsum(x, axis=1),
    "reshape": lambda ops, x, y: ops.reshape(x, (3, 8)),
    "stop_gradient": lambda ops, x, y: ops.stop_gradient(x),
    **{name: of_one(name) for name in ("sum", "mean", "max")},
    **{f"{name} of an axis": of_one(name, axis=-1) for name in ("sum", "mean", "max")},
}


@pytest.mark.parametrize("name", CALLS)
def test_an_operation_agrees_with_numpy(name: str, rng: np.random.Generator) -> None:
    x, y = rng.normal(0, 2, (2, 6, 4)).astype(np.float32).astype(np.float64)
    expected = CALLS[name](NumpyOps(), x, y)
    found = np.asarray(CALLS[name](EngineOps(), _tensor(x), _tensor(y)))
    assert np.shape(found) == np.shape(expected)
    assert np.abs(found - expected).max() <= CLOSE * max(1, np.abs(expected).max())


def test_every_operation_is_tried() -> None:
    public = {name for name in vars(EngineOps) if not name.startswith("_")}
    assert public - {name.split()[0] for name in CALLS} == {"take_class"}


@pytest.mark.parametrize("loss", [*LOSSES, "quantile"])
@pytest.mark.parametrize("classes", [1, 3])
def test_a_loss_agrees_with_numpy(loss: str, classes: int, rng: np.random.Generator) -> None:
    predicted = rng.normal(size=(8, 6 if loss == "quantile" else classes))
    true = rng.integers(0, max(classes, 2), 8) if loss == "cross_entropy" else rng.normal(size=(8, classes))
    if loss == "quantile":
        true = rng.normal(size=(8, 2))
    weight = rng.uniform(1, 2, 8)
    expected = batch_loss(make_loss(loss), NumpyOps(), true, predicted, weight)
    tensors = [_tensor(array) for array in (true, predicted, weight)]
    found = batch_loss(make_loss(loss), EngineOps(), *tensors)
    assert float(found) == pytest.approx(expected, rel=10 * CLOSE)


def test_no_gradient_passes_a_stop() -> None:
    def total(weights: list[Any]) -> tuple[Any, None]:
        ops = EngineOps()
        return ops.sum(weights[0] * ops.stop_gradient(weights[0])), None

    _, gradients = steps.value_and_gradients(total, [steps.put(np.full(3, 2, np.float32))])
    assert np.asarray(gradients[0]).tolist() == [2, 2, 2]
