"""Activations against their formulas, and without overflow however large the input."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.graph.ops.running import run

from ambidex.graph.ops.activation import ACTIVATIONS, SELU_ALPHA, SELU_SCALE

POINTS = np.array([-5.0, -1.5, -0.1, 0.0, 0.1, 1.5, 5.0])


def logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x))


FORMULAS: dict[str, Callable[[float], float]] = {
    "relu": lambda x: max(x, 0.0),
    "gelu": lambda x: x * 0.5 * math.erfc(-x / math.sqrt(2)),
    "silu": lambda x: x * logistic(x),
    "mish": lambda x: x * math.tanh(math.log1p(math.exp(x))),
    "selu": lambda x: 1.0507009873554805 * (x if x > 0 else 1.6732632423543772 * math.expm1(x)),
    "elu": lambda x: x if x > 0 else math.expm1(x),
    "tanh": math.tanh,
    "sigmoid": logistic,
    "softplus": lambda x: math.log1p(math.exp(x)),
    "leaky_relu": lambda x: x if x >= 0 else 0.01 * x,
}


def attributes(name: str) -> dict[str, Any]:
    return {"slope": 0.01} if name == "leaky_relu" else {}


def test_every_activation_has_a_formula() -> None:
    assert {op.name for op in ACTIVATIONS} == set(FORMULAS)


@pytest.mark.parametrize("name", FORMULAS)
def test_an_activation_follows_its_formula(name: str) -> None:
    expected = [FORMULAS[name](float(x)) for x in POINTS]
    assert run(name, POINTS, **attributes(name)) == pytest.approx(expected, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("name", FORMULAS)
def test_no_input_is_too_large(name: str) -> None:
    low, high = run(name, np.array([-1e4, 1e4]), **attributes(name))
    assert math.isfinite(low)
    assert high in (1.0, 1e4, 1e4 * SELU_SCALE)


@pytest.mark.parametrize("name", FORMULAS)
def test_the_precision_of_the_input_is_kept(name: str) -> None:
    assert run(name, POINTS.astype(np.float32), **attributes(name)).dtype == np.float32


def test_selu_keeps_mean_and_variance(rng: np.random.Generator) -> None:
    found = run("selu", rng.normal(size=200_000))
    assert abs(found.mean()) < 0.01
    assert abs(found.var() - 1) < 0.02
    assert float(run("selu", -1e3)) == pytest.approx(-SELU_SCALE * SELU_ALPHA)
