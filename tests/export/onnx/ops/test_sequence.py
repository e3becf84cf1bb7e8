from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from tests.export.onnx.edition import assert_same, normal, one_op, value, weights_of
from tests.tolerances import FORWARD_DENSE

from ambidex.export.onnx import export_onnx


@pytest.mark.parametrize(
    "attrs",
    [
        {"size": 1},
        {"size": 3, "padding": (1, 1), "has_bias": False},
        {"size": 3, "padding": (4, 0), "dilation": 2},
        {"size": 4, "padding": (1, 5)},
    ],
)
def test_convolutions_are_the_numpy_edition(attrs: dict[str, Any], rng: np.random.Generator) -> None:
    assert_same(one_op("conv1d", value("x", "float32", "B", "T", 3), units=5, **attrs), normal, rng, FORWARD_DENSE)


def test_a_stride_is_the_numpy_edition(rng: np.random.Generator) -> None:
    graph = one_op("conv1d", value("x", "float32", "B", 9, 3), units=5, size=3, stride=2, padding=(0, 1))
    assert_same(graph, normal, rng, FORWARD_DENSE)


@pytest.mark.parametrize("is_causal", [False, True])
@pytest.mark.parametrize("has_bias", [False, True])
@pytest.mark.parametrize("steps", ["T", 6])
def test_attention_is_the_numpy_edition(
    is_causal: bool, has_bias: bool, steps: int | str, rng: np.random.Generator
) -> None:
    attrs = {"heads": 2, "is_causal": is_causal, "has_bias": has_bias}
    assert_same(one_op("attention", value("x", "float32", "B", steps, 6), **attrs), normal, rng, FORWARD_DENSE)


def test_attention_reads_its_input_with_one_product(rng: np.random.Generator) -> None:
    graph = one_op("attention", value("x", "float32", "B", "T", 6), heads=2)
    nodes = onnx.load_from_string(export_onnx(graph, weights_of(graph, rng), metadata={})).graph.node
    assert [node.op_type for node in nodes].count("MatMul") == 4  # in, scores, mix, out
