from __future__ import annotations

import numpy as np
import pytest
from tests.export.onnx.edition import Array, assert_same, normal, one_op, value
from tests.tolerances import FORWARD_DENSE, SAME_FLOAT64


def away_from_zero(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.choice([-1.0, 1.0], shape) * rng.uniform(0.5, 3, shape)


@pytest.mark.parametrize("op", ["add", "sub", "mul", "div"])
@pytest.mark.parametrize("shape", [("B", "T", 3), ("B", 1, 3), (1, 3)])
def test_arithmetic_broadcasts_as_in_numpy(op: str, shape: tuple[int | str, ...], rng: np.random.Generator) -> None:
    single = one_op(op, value("x", "float32", "B", "T", 3), value("y", "float32", *shape))
    assert_same(single, away_from_zero, rng, FORWARD_DENSE)
    double = one_op(op, value("x", "float64", "B", "T", 3), value("y", "float64", *shape))
    assert_same(double, away_from_zero, rng, 0)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", FORWARD_DENSE), ("float64", SAME_FLOAT64)])
def test_softmax_acts_on_the_last_axis(dtype: str, tolerance: float, rng: np.random.Generator) -> None:
    def far_apart(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return rng.normal(0, 300, shape)

    for shape in (("B", 4), ("B", "T", 4)):
        assert_same(one_op("softmax", value("x", dtype, *shape)), normal, rng, tolerance)
        assert_same(one_op("softmax", value("x", dtype, *shape)), far_apart, rng, tolerance)
