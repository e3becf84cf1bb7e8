"""Canonical weights pass through a module and its optimizer's slots unchanged, bit by bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.backends.torch.networks import chain, one_op, random_weights, value

from ambidex.backends.torch.lower import lower
from ambidex.backends.torch.names import layer_names
from ambidex.backends.torch.optimizer import make_optimizer
from ambidex.backends.torch.weights import from_canonical, slots_from_canonical, slots_to_canonical, to_canonical
from ambidex.errors import ArtifactError
from ambidex.graph import Graph, parameters
from ambidex.graph.op import Array
from ambidex.training.plan import Optimizer

pytestmark = pytest.mark.torch


def causal(attrs: dict[str, Any]) -> dict[str, Any]:
    """A convolution that keeps the number of steps."""
    return {**attrs, "padding": (attrs["size"] - 1, 0)}


sizes = st.integers(1, 6)
ways = st.fixed_dictionaries({"units": sizes, "is_bidirectional": st.booleans()})
steps: st.SearchStrategy[tuple[str, dict[str, Any]]] = st.one_of(
    st.tuples(st.just("dense"), st.fixed_dictionaries({"units": sizes, "has_bias": st.booleans()})),
    st.tuples(st.sampled_from(["lstm", "gru"]), ways.map(lambda attrs: {**attrs, "returns_sequence": True})),
    st.tuples(st.sampled_from(["layer_norm", "batch_norm"]), st.just({})),
    st.tuples(st.just("prelu"), st.fixed_dictionaries({"is_shared": st.booleans()})),
    st.tuples(
        st.just("conv1d"), st.fixed_dictionaries({"units": sizes, "size": sizes, "has_bias": st.booleans()}).map(causal)
    ),
    st.tuples(st.just("attention"), st.fixed_dictionaries({"heads": st.just(1), "has_bias": st.booleans()})),
)


def series_network(chosen: list[tuple[str, dict[str, Any]]], width: int) -> Graph:
    """Layers one after the other over (B, T, F)."""
    return chain([value("x", "T", width)], *((f"blocks.{i}.{op}", op, attrs) for i, (op, attrs) in enumerate(chosen)))


def is_equal(left: dict[str, Array], right: dict[str, Array]) -> bool:
    """The same names in the same order with the same bits."""
    return list(left) == list(right) and all(
        left[name].dtype == right[name].dtype and left[name].tobytes() == right[name].tobytes() for name in left
    )


@settings(max_examples=40, deadline=None)
@given(chosen=st.lists(steps, min_size=1, max_size=4), width=sizes, seed=st.integers(0, 2**31))
def test_weights_come_back_as_they_went_in(chosen: list[tuple[str, dict[str, Any]]], width: int, seed: int) -> None:
    graph = series_network(chosen, width)
    weights = random_weights(graph, np.random.default_rng(seed))
    assert is_equal(to_canonical(lower(graph, weights), graph), weights)


@settings(max_examples=20, deadline=None)
@given(
    chosen=st.lists(steps, min_size=1, max_size=3),
    width=sizes,
    name=st.sampled_from(["adamw", "sgd"]),
    seed=st.integers(0, 2**31),
)
def test_slots_come_back_as_they_went_in(
    chosen: list[tuple[str, dict[str, Any]]], width: int, name: Any, seed: int
) -> None:
    graph, rng = series_network(chosen, width), np.random.default_rng(seed)
    model = lower(graph, random_weights(graph, rng))
    optimizer = make_optimizer(model, Optimizer(name=name))
    suffixes = ("momentum",) if name == "sgd" else ("m", "v")
    slots: dict[str, Array] = {
        f"{item.name}/{suffix}": rng.normal(size=item.shape).astype(np.float32)
        for item in parameters(graph)
        if item.is_trainable
        for suffix in suffixes
    }
    if slots:
        slots["step"] = np.asarray(17, dtype=np.int64)
        slots_from_canonical(model, graph, optimizer, slots)
        assert is_equal(slots_to_canonical(model, graph, optimizer), slots)


def test_the_second_bias_of_an_lstm_is_zero_and_stays_out_of_training(rng: np.random.Generator) -> None:
    graph = one_op("lstm", [value("x", "T", 2)], units=3, is_bidirectional=True)
    found = dict(lower(graph, random_weights(graph, rng)).named_parameters())
    second = [parameter for name, parameter in found.items() if "bias_hh" in name]
    assert len(second) == 2
    assert all(not parameter.requires_grad and not parameter.any() for parameter in second)


def test_canonical_copies_do_not_share_memory_with_the_module(rng: np.random.Generator) -> None:
    graph = one_op("dense", [value("x", 2)], units=3)
    model = lower(graph, random_weights(graph, rng))
    before = to_canonical(model, graph)
    from_canonical(model, graph, {name: array + 1 for name, array in before.items()})
    assert not np.array_equal(to_canonical(model, graph)["node.bias"], before["node.bias"])


def test_a_missing_weight_is_named() -> None:
    graph = one_op("dense", [value("x", 2)], units=3)
    with pytest.raises(ArtifactError, match=r"^Expected weight 'node\.kernel', got 0 weights without it\.$"):
        lower(graph, {})


def test_a_weight_of_another_shape_is_refused() -> None:
    graph = one_op("dense", [value("x", 2)], units=3)
    weights = {"node.kernel": np.zeros((3, 2), np.float32), "node.bias": np.zeros(3, np.float32)}
    with pytest.raises(ArtifactError) as raised:
        lower(graph, weights)
    assert str(raised.value) == "Expected shape (2, 3), got (3, 2) at weight 'node.kernel'."


def test_names_that_a_module_needs_itself_are_moved_aside() -> None:
    names = ["embed.type", "embed.type_", "half", "a.0.b", "blocks.weight"]
    assert layer_names(names) == {
        "embed.type": "embed.type_",
        "embed.type_": "embed.type__",
        "half": "half_",
        "a.0.b": "a.0.b",
        "blocks.weight": "blocks.weight_",
    }


def test_weights_under_moved_names_come_back(rng: np.random.Generator) -> None:
    dense = ("dense", {"units": 3})
    graph = chain([value("x", 2)], *((name, *dense) for name in ("type", "type_", "head.weight", "head", "head.a")))
    weights = random_weights(graph, rng)
    assert is_equal(to_canonical(lower(graph, weights), graph), weights)
