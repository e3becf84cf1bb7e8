"""The reference runs a graph section by section, in float64 wherever decisions are made."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn
from tests.tolerances import INVERSE_FLOAT64, SAME_FLOAT64

from ambidex.graph import Builder, Graph, Value, decode, encode, initial_weights, predict, prepare, run_network

CENTER, SCALE = [100.0, -3.0], [7.0, 0.01]


def regression() -> Graph:
    """Two numbers to two targets that are scaled while training."""
    numbers, targets = (Value(name=name, dtype="float64", shape=("B", 2)) for name in ("numbers", "targets"))
    b = Builder([numbers], [targets])
    scaled = b.add("prepare", "scaled", "standardize", "numbers", center=[1.0, 2.0], scale=[3.0, 4.0])
    x = b.add("prepare", "x", "cast", scaled, dtype="float32")
    raw = b.add("network", "head", "dense", x, units=2)
    answer = b.add("decode", "answer", "unstandardize", raw, center=CENTER, scale=SCALE)
    small = b.add("encode", "small", "standardize", "targets", center=CENTER, scale=SCALE)
    return b.build(prepared=[x], raw_outputs=[raw], outputs={"y": answer}, encoded=[small])


def test_preparation_gives_every_value_and_ends_in_float32() -> None:
    found = prepare(regression(), {"numbers": np.array([[4.0, 2.0]])})
    assert set(found) == {"numbers", "scaled", "x"}
    assert found["scaled"].dtype == np.float64
    assert found["x"].dtype == np.float32
    assert found["x"].tolist() == [[1.0, 0.0]]


def test_the_network_computes_in_float64_from_float32_values(rng: np.random.Generator) -> None:
    graph = regression()
    weights = initial_weights(graph, 1)
    x = rng.normal(size=(5, 2)).astype(np.float32)
    found = run_network(graph, {"x": x}, weights)["head"]
    assert found.dtype == np.float64
    expected = x.astype(np.float64) @ weights["head.kernel"].astype(np.float64)
    assert np.abs(found - expected).max() <= SAME_FLOAT64


def test_weights_go_to_their_node_though_names_begin_alike() -> None:
    b = Builder([Value(name="x", dtype="float32", shape=("B", 1))])
    first = b.add("network", "a", "dense", "x", units=1)
    second = b.add("network", "a.b", "dense", first, units=1)
    graph = b.build(prepared=["x"], raw_outputs=[second], outputs={"y": second})
    weights: dict[str, Any] = {name: np.full((1, 1), value) for name, value in (("a.kernel", 2.0), ("a.b.kernel", 3.0))}
    weights |= {name: np.full(1, value) for name, value in (("a.bias", 10.0), ("a.b.bias", 100.0))}
    assert run_network(graph, {"x": np.ones((1, 1))}, weights)["a.b"].tolist() == [[(2 + 10) * 3 + 100]]


def test_raw_outputs_of_an_engine_are_decoded_in_float64() -> None:
    raw = np.array([[0.1, 0.2]], dtype=np.float32)
    found = decode(regression(), {"head": raw}, {})["y"]
    assert found.dtype == np.float64
    assert found[0, 0] == float(raw[0, 0]) * 7.0 + 100.0


@given(stn.arrays(np.float64, (3, 2), elements=st.floats(-1e6, 1e6)))
def test_decoding_undoes_the_encoding_of_targets(targets: Any) -> None:
    graph = regression()
    again = decode(graph, {"head": encode(graph, {"targets": targets})["small"]}, {})["y"]
    assert np.all(np.abs(again - targets) <= INVERSE_FLOAT64 * (1 + np.abs(targets)))


def test_encoding_may_read_what_preparation_made() -> None:
    numbers, targets = (Value(name=name, dtype="float64", shape=("B", 1)) for name in ("numbers", "targets"))
    b = Builder([numbers], [targets])
    gain = b.add("encode", "gain", "sub", "targets", "numbers")
    graph = b.build(prepared=["numbers"], raw_outputs=[], outputs={}, encoded=[gain])
    values = prepare(graph, {"numbers": np.array([[2.0]])})
    assert encode(graph, {"targets": np.array([[5.0]])}, values) == {"gain": [[3.0]]}


def test_a_prediction_goes_through_every_section(rng: np.random.Generator) -> None:
    graph, inputs = regression(), {"numbers": rng.normal(size=(4, 2))}
    weights = initial_weights(graph, 1)
    prepared = prepare(graph, inputs)
    expected = decode(graph, run_network(graph, prepared, weights), prepared)
    assert np.array_equal(predict(graph, inputs, weights)["y"], expected["y"])


@pytest.mark.parametrize("rows", [0, 1])
def test_no_rows_are_rows_too(rows: int) -> None:
    graph = regression()
    assert predict(graph, {"numbers": np.ones((rows, 2))}, initial_weights(graph, 1))["y"].shape == (rows, 2)
