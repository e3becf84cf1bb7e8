from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.export.onnx.edition import Array, assert_same, normal, one_op, value
from tests.tolerances import FORWARD_DENSE

from ambidex.graph import Graph

ROWS = value("x", "float32", "B", 12)
WINDOWS = value("x", "float32", "B", "T", 12)
CASES: list[tuple[str, dict[str, Any]]] = [
    ("dense", {"units": 5}),
    ("dense", {"units": 5, "has_bias": False}),
    ("dropout", {"rate": 0.5}),
    ("layer_norm", {}),
    ("layer_norm", {"epsilon": 0.1}),
    ("batch_norm", {}),
    ("batch_norm", {"epsilon": 0.001}),
]


@pytest.mark.parametrize("shape", [ROWS, WINDOWS], ids=["rows", "windows"])
@pytest.mark.parametrize(("op", "attrs"), CASES)
def test_layers_are_the_numpy_edition(op: str, attrs: dict[str, Any], shape: Any, rng: np.random.Generator) -> None:
    assert_same(one_op(op, shape, **attrs), normal, rng, FORWARD_DENSE)


def codes(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.integers(0, 6, shape)


@pytest.mark.parametrize("shape", [("B",), ("B", 3), ("B", "T", 2)])
def test_codes_become_vectors(shape: tuple[int | str, ...], rng: np.random.Generator) -> None:
    assert_same(one_op("embedding", value("x", "int64", *shape), count=6, width=4), codes, rng, 0)
    assert_same(one_op("one_hot", value("x", "int64", *shape), count=6), codes, rng, 0)


def test_one_hot_knows_no_codes_outside_its_count(rng: np.random.Generator) -> None:
    def beyond(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return rng.integers(-4, 9, shape)

    assert_same(one_op("one_hot", value("x", "int64", "B", 3), count=4), beyond, rng, 0)


def test_layer_norm_survives_a_large_mean(rng: np.random.Generator) -> None:
    def shifted(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return rng.normal(300, 1, shape)

    graph: Graph = one_op("layer_norm", value("x", "float32", "B", 64))
    assert_same(graph, shifted, rng, FORWARD_DENSE)


@pytest.mark.parametrize("is_shared", [False, True])
def test_prelu_is_the_numpy_edition(is_shared: bool, rng: np.random.Generator) -> None:
    assert_same(one_op("prelu", value("x", "float32", "B", "T", 3), is_shared=is_shared), normal, rng, FORWARD_DENSE)
