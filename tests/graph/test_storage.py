"""Weights come back bit by bit, and only those that are the graph's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn

from ambidex.errors import ArtifactError
from ambidex.graph import Builder, Graph, Value, initial_weights
from ambidex.graph.storage import arrays_from_bytes, arrays_to_bytes, weights_from_bytes

ARRAYS = st.sampled_from([np.float32, np.float64, np.int64]).flatmap(
    lambda dtype: stn.arrays(dtype, stn.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
)
NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8).filter(lambda name: name != "__metadata__")


def network(*, units: int = 2) -> Graph:
    b = Builder([Value(name="x", dtype="float32", shape=("B", 3))])
    raw = b.add("network", "head", "dense", "x", units=units)
    return b.build(prepared=["x"], raw_outputs=[raw], outputs={"y": raw})


@given(st.dictionaries(NAMES, ARRAYS, max_size=4))
def test_arrays_survive_being_stored(arrays: dict[str, Any]) -> None:
    found = arrays_from_bytes(arrays_to_bytes(arrays))
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)
        assert found[name].tobytes() == array.tobytes()


def test_views_of_any_layout_are_stored_as_they_read(rng: np.random.Generator) -> None:
    array = rng.normal(size=(4, 6))
    for view in (array.T, array[::2, ::-1], np.asfortranarray(array)):
        assert np.array_equal(arrays_from_bytes(arrays_to_bytes({"a": view}))["a"], view)


def test_the_order_of_names_does_not_matter() -> None:
    one, two = np.ones(2), np.zeros((1, 2))
    assert arrays_to_bytes({"a": one, "b": two}) == arrays_to_bytes({"b": two, "a": one})


def test_the_graphs_own_weights_are_read_and_may_be_written_to() -> None:
    weights = initial_weights(network(), 1)
    found = weights_from_bytes(arrays_to_bytes(weights), network())
    assert all(np.array_equal(found[name], weight) for name, weight in weights.items())
    found["head.kernel"][0] = 0.0


@pytest.mark.parametrize("change", ["shape", "missing", "extra"])
def test_other_weights_are_refused(change: str) -> None:
    weights: dict[str, Any] = dict(initial_weights(network(units=3 if change == "shape" else 2), 1))
    if change == "missing":
        del weights["head.bias"]
    if change == "extra":
        weights["tail.bias"] = np.zeros(2, dtype=np.float32)
    with pytest.raises(ArtifactError, match=r"head\.|tail\."):
        weights_from_bytes(arrays_to_bytes(weights), network())
