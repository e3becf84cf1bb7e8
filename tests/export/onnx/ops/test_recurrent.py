from __future__ import annotations

import numpy as np
import onnx
import pytest
from tests.export.onnx.edition import assert_same, normal, one_op, value, weights_of
from tests.tolerances import FORWARD_RECURRENT

from ambidex.export.onnx import export_onnx
from ambidex.graph import Builder, Graph


@pytest.mark.parametrize("op", ["lstm", "gru"])
@pytest.mark.parametrize("is_bidirectional", [False, True])
@pytest.mark.parametrize("returns_sequence", [False, True])
def test_recurrent_layers_are_the_numpy_edition(
    op: str, is_bidirectional: bool, returns_sequence: bool, rng: np.random.Generator
) -> None:
    attrs = {"units": 7, "is_bidirectional": is_bidirectional, "returns_sequence": returns_sequence}
    assert_same(one_op(op, value("x", "float32", "B", "T", 3), **attrs), normal, rng, FORWARD_RECURRENT)


def stacked(is_bidirectional: bool) -> Graph:
    builder = Builder([value("x", "float32", "B", "T", 3)])
    both = {"is_bidirectional": is_bidirectional, "returns_sequence": True}
    first = builder.add("network", "first", "lstm", "x", units=4, **both)
    kept = builder.add("network", "kept", "dropout", first, rate=0.1)
    second = builder.add("network", "second", "gru", kept, units=5, **both)
    third = builder.add("network", "third", "lstm", second, units=2)
    return builder.build(prepared=["x"], raw_outputs=[third], outputs={"answer": third})


@pytest.mark.parametrize("is_bidirectional", [False, True])
def test_stacked_layers_are_the_numpy_edition(is_bidirectional: bool, rng: np.random.Generator) -> None:
    assert_same(stacked(is_bidirectional), normal, rng, FORWARD_RECURRENT)


def test_stacked_layers_stay_time_major(rng: np.random.Generator) -> None:
    graph = stacked(False)
    nodes = onnx.load_from_string(export_onnx(graph, weights_of(graph, rng), metadata={})).graph.node
    expected = ["Transpose", "LSTM", "Squeeze", "GRU", "Squeeze", "LSTM", "Squeeze", "Cast"]
    assert [node.op_type for node in nodes] == expected


def test_a_sequence_that_nobody_reads_is_not_computed(rng: np.random.Generator) -> None:
    graph = one_op("lstm", value("x", "float32", "B", "T", 3), units=4)
    nodes = onnx.load_from_string(export_onnx(graph, weights_of(graph, rng), metadata={})).graph.node
    (layer,) = [node for node in nodes if node.op_type == "LSTM"]
    assert layer.output[0] == ""
