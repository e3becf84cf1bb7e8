"""Shapes, types and weights are known before anything runs, and what cannot be is refused with the node's name."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from tests.graph.examples import EXAMPLES, FORECAST, IDS, ROW, SIZES, TEXTS, WINDOW, Example, draw, value

from ambidex.errors import ArtifactError
from ambidex.graph import OPS, Builder, Graph, Node, Value, infer_values, network_values, parameters, read_node
from ambidex.graph.infer import complete, infer_node


def node(example: Example) -> Node:
    return Node(name="n", op=example.op, inputs=tuple(spec.name for spec in example.inputs), attrs=example.attrs)


def infer(example: Example) -> Value:
    return infer_node(node(example), {spec.name: spec for spec in example.inputs})


def refusal(example: Example) -> str:
    with pytest.raises(ArtifactError) as caught:
        infer(example)
    return str(caught.value)


def sizes(shape: tuple[int | str, ...]) -> tuple[int, ...]:
    """A symbolic shape with the sizes of the examples in place of the symbols."""
    return tuple(eval(dim, {}, dict(SIZES)) if isinstance(dim, str) else dim for dim in shape)


def test_every_op_has_an_example() -> None:
    assert {example.op for example in EXAMPLES} == set(OPS)
    assert all(name == op.name for name, op in OPS.items())


@pytest.mark.parametrize("example", EXAMPLES, ids=IDS)
def test_what_is_inferred_is_what_comes_out(example: Example, rng: np.random.Generator) -> None:
    op, attrs = read_node(node(example))
    weights = {part.name: rng.uniform(0.5, 1, part.shape) for part in op.weights(example.inputs, attrs)}
    result = op.run([draw(spec, rng) for spec in example.inputs], attrs, weights)
    expected = infer(example)
    assert result.shape == sizes(expected.shape)
    found = "string" if result.dtype == object else str(result.dtype)
    assert found == (expected.dtype if not weights else "float64")


@pytest.mark.parametrize("example", EXAMPLES, ids=IDS)
def test_every_attribute_is_written_down(example: Example) -> None:
    full = complete(node(example))
    op, attrs = read_node(full)
    assert set(full.attrs) == set(op.attrs.__struct_fields__)
    assert msgspec.json.decode(msgspec.json.encode(full), type=Node) == full
    assert attrs == read_node(node(example))[1]


@pytest.mark.parametrize(
    ("shape", "attrs", "expected"),
    [
        (("B", "T", 3), {"axis": 1, "start": 1}, ("B", "T-1", 3)),
        (("B", "T", 3), {"axis": 1, "start": -4}, ("B", 4, 3)),
        (("B", 9, 3), {"axis": 1, "start": -4}, ("B", 4, 3)),
        (("B", 9, 3), {"axis": -2, "start": 2, "stop": -3}, ("B", 4, 3)),
    ],
)
def test_a_slice_of_a_free_axis_keeps_what_is_known_of_it(shape: Any, attrs: Any, expected: Any) -> None:
    assert infer(Example("slice", (value(*shape),), attrs)).shape == expected


def test_folding_and_unfolding_change_the_batch_and_back() -> None:
    folded = infer(Example("fold", (WINDOW,), {"channels": 3}))
    assert folded.shape == ("3*B", "T", 1)
    assert infer(Example("unfold", (value("3*B", 5, 1),), {"channels": 3})).shape == ("B", 5, 3)


@pytest.mark.parametrize(
    ("example", "message"),
    [
        (
            Example("denes", (ROW,), {}),
            r"^Expected one of add, .*, got op 'denes' at node 'n'\. Did you mean 'dense'\?$",
        ),
        (Example("dense", (ROW,), {}), r"missing required field `units` in the attributes of node 'n' \(dense\)\.$"),
        (Example("dense", (ROW,), {"units": 1, "size": 2}), r"unknown field `size` in the attributes of node 'n'"),
        (Example("dense", (ROW,), {"units": "3"}), r"Expected `int`, got `str` - at `\$.units` in the attributes"),
        (Example("dense", (value("B", "T"),), {"units": 1}), r"^Expected a fixed last dimension, got \('B', 'T'\)"),
        (Example("impute", (ROW,), {"fill": [0.0]}), r"^Expected fill for each of 3 columns, got 1\. At node 'n'"),
        (Example("standardize", (ROW,), {"center": [0.0] * 3, "scale": [1.0]}), "^Expected scale for each of 3"),
        (Example("unstandardize", (ROW,), {"center": [0.0], "scale": [1.0]}), "^Expected center for each of 3"),
        (Example("log_ratio", (WINDOW,), {"floor": [1.0]}), "^Expected floor for each of 3 columns"),
        (Example("unlog_ratio", FORECAST, {"floor": [1.0]}), "^Expected floor for each of 3 columns"),
        (Example("wave", (ROW,), {"period": [1.0]}), "^Expected period for each of 3 columns"),
        (Example("select", (ROW,), {"columns": [3]}), r"^Expected columns from 0 to 2, got 3\."),
        (Example("select", (ROW,), {"columns": [-1]}), r"^Expected columns from 0 to 2, got -1\."),
        (Example("lookup", (TEXTS,), {"vocabularies": [[]]}), "^Expected a vocabulary for each of 2 columns, got 1"),
        (Example("calendar", (value("B", 1, dtype="int64"),), {"parts": ["era"]}), "^Expected calendar parts among"),
        (Example("reshape", (ROW,), {"shape": [4]}), r"to hold as many values as \(B, \*\(4,\)\)"),
        (Example("reshape", (WINDOW,), {"shape": [18]}), r"to hold as many values as"),
        (Example("transpose", (WINDOW,), {"axes": [1, 0, 2]}), "^Expected an order of 3 axes with the batch first"),
        (Example("slice", (WINDOW,), {"axis": 1, "start": 0, "stop": 2}), "^Expected a slice to the end of the free"),
        (Example("concat", (ROW, value("B", 2, dtype="string", name="y")), {}), "to concatenate"),
        (Example("concat", (WINDOW, value("B", "T", 3, name="y")), {"axis": -2}), "^Expected fixed sizes along"),
        (Example("add", (ROW, value("B", 2, name="y")), {}), "^Expected shapes that broadcast"),
        (Example("add", (ROW, value("B", 3, dtype="float32", name="y")), {}), "^Expected equal types"),
        (Example("add", (ROW,), {}), "At node 'n'"),
        (Example("relu", (), {}), "At node 'n'"),
        (Example("lstm", (ROW,), {"units": 1}), "At node 'n'"),
        (Example("conv1d", (ROW,), {"units": 1, "size": 2}), "At node 'n'"),
        (Example("conv1d", (WINDOW,), {"units": 1, "size": 2, "stride": 2}), "^Expected a fixed number of steps for a"),
        (
            Example("conv1d", (value("B", 9, 3),), {"units": 1, "size": 2, "stride": 2, "dilation": 3}),
            "^Expected a stride or a dilation, got both: 2 and 3",
        ),
        (Example("conv1d", (value("B", 2, 3),), {"units": 1, "size": 4}), "^Expected more than 3 steps for the conv"),
        (Example("conv1d", (WINDOW,), {"units": 1, "size": 0}), r"Expected `int` >= 1 - at `\$.size`"),
        (Example("attention", (WINDOW,), {"heads": 2}), "^Expected a width that 2 heads divide, got 3"),
    ],
)
def test_what_cannot_be_is_refused_at_its_node(example: Example, message: str) -> None:
    found = refusal(example)
    assert "'n'" in found
    with pytest.raises(ArtifactError, match=message):
        infer(example)


def test_an_input_that_does_not_exist_is_named() -> None:
    with pytest.raises(ArtifactError, match=r"^Expected inputs that exist, got 'y' at node 'n'\.$"):
        infer_node(Node(name="n", op="add", inputs=("x", "y")), {"x": ROW})


def network() -> Graph:
    builder = Builder([Value(name="numbers", dtype="float64", shape=("B", 3))])
    x = builder.add("prepare", "x", "cast", "numbers", dtype="float32")
    h = builder.add("network", "blocks.0.dense", "dense", x, units=4)
    h = builder.add("network", "blocks.0.norm", "batch_norm", h)
    raw = builder.add("network", "head", "dense", h, units=1, has_bias=False)
    answer = builder.add("decode", "answer", "sigmoid_pair", raw)
    return builder.build(prepared=[x], raw_outputs=[raw], outputs={"p": answer})


def test_raw_outputs_are_float64_for_the_decoding_and_float32_in_the_network() -> None:
    graph = network()
    assert infer_values(graph)["head"].dtype == "float64"
    assert infer_values(graph)["answer"] == Value(name="answer", dtype="float64", shape=("B", 2))
    assert network_values(graph)["head"].dtype == "float32"


def test_weights_carry_their_nodes_names_in_order() -> None:
    assert [(part.name, part.shape, part.is_trainable, part.is_state) for part in parameters(network())] == [
        ("blocks.0.dense.kernel", (3, 4), True, False),
        ("blocks.0.dense.bias", (4,), True, False),
        ("blocks.0.norm.scale", (4,), True, False),
        ("blocks.0.norm.offset", (4,), True, False),
        ("blocks.0.norm.mean", (4,), False, True),
        ("blocks.0.norm.variance", (4,), False, True),
        ("head.kernel", (4, 1), True, False),
    ]


def test_a_name_used_twice_is_refused() -> None:
    graph = network()
    twice = msgspec.structs.replace(graph, network=(*graph.network, graph.network[0]))
    with pytest.raises(ArtifactError, match=r"^Expected names used once, got 'blocks\.0\.dense' twice\.$"):
        parameters(twice)


def test_a_raw_output_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ArtifactError, match=r"^Expected raw outputs that the network makes, got 'tail'\.$"):
        infer_values(msgspec.structs.replace(network(), raw_outputs=("tail",)))


def test_a_prepared_value_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ArtifactError, match=r"^Expected prepared values that exist, got 'z'\.$"):
        parameters(msgspec.structs.replace(network(), prepared=("z",)))


def test_an_output_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ArtifactError, match=r"^Expected outputs that exist, got 'z'\.$"):
        infer_values(msgspec.structs.replace(network(), outputs={"p": "z"}))
