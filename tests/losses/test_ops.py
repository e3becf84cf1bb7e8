"""NumPy's edition of the arithmetic of losses, and that it has all that the protocol promises."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn

from ambidex.losses import NumpyOps, Ops

OPS = NumpyOps()
X = np.array([[-2.0, 0.5, 3.0], [1.0, 1.0, -1.0]])


def methods(kind: type[Any]) -> dict[str, list[str]]:
    found = inspect.getmembers(kind, inspect.isfunction)
    return {name: list(inspect.signature(each).parameters) for name, each in found if not name.startswith("_")}


def test_the_edition_has_every_method_with_its_parameters() -> None:
    assert methods(NumpyOps) == methods(Ops)


@pytest.mark.parametrize("name", ["abs", "exp", "sqrt", "square", "sign", "tanh", "log", "log1p"])
def test_elementwise_functions_are_numpys(name: str) -> None:
    assert np.array_equal(getattr(OPS, name)(np.abs(X)), getattr(np, name)(np.abs(X)))


@given(stn.arrays(np.float64, (2, 3), elements=st.floats(-700, 700)))
def test_saturating_functions_neither_overflow_nor_lose_sign(x: Any) -> None:
    assert OPS.sigmoid(x) == pytest.approx(1 / (1 + np.exp(-x)), abs=1e-12)
    assert OPS.softplus(x) == pytest.approx(np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0), abs=1e-12)
    assert np.exp(OPS.log_softmax(x)).sum(axis=-1) == pytest.approx(np.ones(2), abs=1e-12)


def test_pairs_and_choices() -> None:
    assert OPS.maximum(X, 0 * X).tolist() == OPS.relu(X).tolist() == np.where(X > 0, X, 0).tolist()
    assert OPS.minimum(X, 0 * X).tolist() == (-OPS.relu(-X)).tolist()
    assert OPS.where(X > 0, X, -X).tolist() == np.abs(X).tolist()


@pytest.mark.parametrize("name", ["sum", "mean", "max"])
def test_reductions_go_along_an_axis_or_over_everything(name: str) -> None:
    for axis in (None, 0, -1):
        assert np.array_equal(getattr(OPS, name)(X, axis=axis), getattr(np, name)(X, axis=axis))
    assert getattr(OPS, name)(X) == getattr(np, name)(X)


def test_shapes_are_changed_as_numpy_does() -> None:
    assert OPS.cumsum(X, axis=1).tolist() == np.cumsum(X, axis=1).tolist()
    assert OPS.concat([X, X], axis=0).shape == (4, 3)
    assert OPS.reshape(X, (3, 2)).shape == (3, 2)
    assert OPS.stop_gradient(X) is X


def test_a_class_is_taken_per_sample() -> None:
    assert OPS.take_class(X, np.array([2, 0])).tolist() == [3.0, 1.0]
    assert OPS.take_class(np.stack([X, X]), np.array([[2, 0], [0, 1]])).tolist() == [[3.0, 1.0], [-2.0, 1.0]]
