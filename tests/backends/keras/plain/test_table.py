from __future__ import annotations

import numpy as np
import pytest
from tests.backends.keras.plain.edition import run, traced
from tests.export.onnx.edition import assert_close, weights_of
from tests.graph.examples import EXAMPLES, Example
from tests.graph.examples import draw as draw_example
from tests.tolerances import FORWARD_RECURRENT, SAME_FLOAT64

from ambidex.backends.keras.plain.program import check_ops
from ambidex.backends.keras.plain.table import PLAIN
from ambidex.errors import BackendError
from ambidex.graph import OPS, Builder, Graph, Node, predict

pytestmark = pytest.mark.tensorflow

# Ops that no SavedModel and no LiteRT file can hold, each with its reason.
WITHOUT: dict[str, str] = {}


def test_every_op_has_an_entry_or_a_reason() -> None:
    assert set(PLAIN) | set(WITHOUT) == set(OPS)
    assert not set(PLAIN) & set(WITHOUT)


def test_an_op_without_an_entry_is_refused_by_name() -> None:
    with pytest.raises(BackendError, match=r"^Expected ops with an edition in plain TensorFlow, got op 'fly', which"):
        check_ops([Node(name="wing", op="fly", inputs=())])


def in_prepare(example: Example) -> Graph:
    """The op in float64, as preparation and decoding use it."""
    builder = Builder(example.inputs)
    names = [entry.name for entry in example.inputs]
    result = builder.add("prepare", "result", example.op, *names, **example.attrs)
    return builder.build(prepared=[], raw_outputs=[], outputs={"answer": result})


def in_network(example: Example) -> Graph:
    """The op in float32, between two casts."""
    builder = Builder(example.inputs)
    names = [
        builder.add("prepare", f"{entry.name}_32", "cast", entry.name, dtype="float32")
        if entry.dtype == "float64"
        else entry.name
        for entry in example.inputs
    ]
    result = builder.add("network", "result", example.op, *names, **example.attrs)
    return builder.build(prepared=names, raw_outputs=[result], outputs={"answer": result})


def has_weights(example: Example) -> bool:
    return bool(weights_of(in_network(example), np.random.default_rng(0)))


CASES = [
    *((in_prepare, example) for example in EXAMPLES if not OPS[example.op].is_network or not has_weights(example)),
    *((in_network, example) for example in EXAMPLES if OPS[example.op].is_network),
]


@pytest.mark.parametrize(("make", "example"), CASES, ids=lambda case: getattr(case, "op", None))
def test_each_op_is_the_numpy_edition(make: object, example: Example, rng: np.random.Generator) -> None:
    graph = in_prepare(example) if make is in_prepare else in_network(example)
    weights = weights_of(graph, rng)
    inputs = {entry.name: draw_example(entry, rng) for entry in example.inputs}
    got, wanted = run(traced(graph, weights), inputs), predict(graph, inputs, weights)
    assert_close(got["answer"], wanted["answer"], SAME_FLOAT64 if make is in_prepare else FORWARD_RECURRENT)
