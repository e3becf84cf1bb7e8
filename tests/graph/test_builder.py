"""The builder checks every node as it comes and gives a graph that survives JSON."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambidex.errors import ArtifactError
from ambidex.graph import Builder, Graph, Node, Value

NUMBERS = Value(name="numbers", dtype="float64", shape=("B", 3))
TEXTS = Value(name="texts", dtype="string", shape=("B", 1))
FLOATS = st.floats(allow_nan=False, allow_infinity=False)


def whole() -> Graph:
    """A graph with something in every section."""
    b = Builder([NUMBERS, TEXTS], [Value(name="targets", dtype="float64", shape=("B", 1))])
    x = b.add("prepare", "scaled", "standardize", "numbers", center=(0.1, 0.2, 1 / 3), scale=(1.0, 2.0, 1e-300))
    x = b.add("prepare", "x", "cast", x, dtype="float32")
    codes = b.add("prepare", "codes", "lookup", "texts", vocabularies=[["ä", "\u2028", ""]])
    vectors = b.add("network", "embedding", "embedding", codes, count=5, width=2)
    flat = b.add("network", "flat", "reshape", vectors, shape=[2])
    raw = b.add("network", "head", "dense", b.add("network", "both", "concat", x, flat), units=1)
    answer = b.add("decode", "answer", "unstandardize", raw, center=[0.5], scale=[2.0])
    encoded = b.add("encode", "encoded", "standardize", "targets", center=[0.5], scale=[2.0])
    return b.build(prepared=[x, codes], raw_outputs=[raw], outputs={"y": answer}, encoded=[encoded])


def test_a_graph_survives_json() -> None:
    graph = whole()
    data = msgspec.json.encode(graph)
    assert msgspec.json.decode(data, type=Graph) == graph
    assert msgspec.json.encode(msgspec.json.decode(data, type=Graph)) == data


@given(st.lists(FLOATS, min_size=3, max_size=3), st.lists(FLOATS, min_size=3, max_size=3))
def test_every_constant_survives_json_bit_by_bit(center: list[float], scale: list[float]) -> None:
    b = Builder([NUMBERS])
    x = b.add("prepare", "x", "standardize", "numbers", center=tuple(center), scale=scale)
    graph = b.build(prepared=[x], raw_outputs=[], outputs={})
    again = msgspec.json.decode(msgspec.json.encode(graph), type=Graph)
    assert again == graph
    assert again.prepare[0].attrs == {"center": center, "scale": scale}


@given(st.lists(st.text(), unique=True, max_size=5), st.text())
def test_every_text_survives_json(vocabulary: list[str], name: str) -> None:
    b = Builder([TEXTS])
    codes = b.add("prepare", f"codes{name}", "lookup", "texts", vocabularies=[vocabulary])
    graph = b.build(prepared=[codes], raw_outputs=[], outputs={name: codes})
    assert msgspec.json.decode(msgspec.json.encode(graph), type=Graph) == graph


def test_a_key_that_no_record_knows_is_refused() -> None:
    data = msgspec.to_builtins(whole()) | {"extra": 1}
    with pytest.raises(msgspec.ValidationError, match="unknown field `extra`"):
        msgspec.convert(data, Graph)


def test_defaults_are_written_down() -> None:
    graph = whole()
    head = next(node for node in graph.network if node.name == "head")
    assert head.attrs == {"units": 1, "has_bias": True, "init": "glorot_uniform", "is_trainable": True}


def test_values_are_known_as_soon_as_they_are_added() -> None:
    b = Builder([NUMBERS])
    assert b.has("numbers")
    assert not b.has("x")
    x = b.add("prepare", "x", "cast", "numbers", dtype="float32")
    assert b.value(x) == Value(name="x", dtype="float32", shape=("B", 3))


def test_the_network_gives_float64_to_the_decoding_and_preparation_what_it_made() -> None:
    b = Builder([NUMBERS])
    x = b.add("prepare", "x", "cast", "numbers", dtype="float32")
    raw = b.add("network", "raw", "relu", x)
    assert b.value(raw).dtype == "float32"
    assert b.value(b.add("decode", "a", "sort", raw)).dtype == "float64"
    assert b.value(b.add("decode", "b", "add", raw, "numbers")).dtype == "float64"
    assert b.value(b.add("decode", "c", "sort", x)).dtype == "float32"


def test_a_name_is_given_once() -> None:
    b = Builder([NUMBERS])
    with pytest.raises(ValueError, match=r"^Expected a new name, got 'numbers' twice\.$"):
        b.add("prepare", "numbers", "is_missing", "numbers")


@pytest.mark.parametrize(
    ("op", "inputs", "attrs"),
    [("nope", ("numbers",), {}), ("select", ("none",), {"columns": [0]}), ("select", ("numbers",), {"columns": [9]})],
)
def test_a_node_that_cannot_be_is_refused_and_not_added(
    op: str, inputs: tuple[str, ...], attrs: dict[str, object]
) -> None:
    b = Builder([NUMBERS])
    with pytest.raises(ArtifactError):
        b.add("prepare", "x", op, *inputs, **attrs)
    assert not b.has("x")
    assert b.build(prepared=[], raw_outputs=[], outputs={}).prepare == ()


def test_sections_hold_their_own_nodes_in_order() -> None:
    graph = whole()
    assert [node.name for node in graph.prepare] == ["scaled", "x", "codes"]
    assert [node.name for node in graph.network] == ["embedding", "flat", "both", "head"]
    assert [node.name for node in graph.decode] == ["answer"]
    assert [node.name for node in graph.encode] == ["encoded"]
    assert isinstance(graph.encode[0], Node)
