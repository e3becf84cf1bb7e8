"""A whole table: one matrix of features, one of codes, and targets that are scaled and scaled back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn
from tests.tolerances import INVERSE_FLOAT64

from ambidex.graph import Builder, Graph, Value, decode, encode, infer_values, prepare
from ambidex.graph.inputs import TableInputs
from ambidex.graph.op import Array
from ambidex.prep.answer import add_number_answer
from ambidex.prep.table import add_table_preparation, add_target_scaling, table_values, target_value
from ambidex.schema import Column, Schema, Target, Task, packed_layout

GROUPS = {"numbers": "number", "texts": "text", "times": "time"}


def sample(rng: np.random.Generator, *groups: str, rows: int = 30) -> dict[str, Array]:
    made: dict[str, Array] = {
        "numbers": np.where(rng.random((rows, 2)) < 0.2, np.nan, rng.normal(size=(rows, 2))),
        "texts": rng.choice(np.array(["a", "b", ""], dtype=object), (rows, 2)),
        "times": rng.integers(0, 10**15, (rows, 2)),
    }
    return {group: made[group] for group in groups}


def built(columns: dict[str, Array]) -> tuple[Graph, TableInputs]:
    """The preparation of a table with two columns of each group."""
    schema = Schema(
        columns=tuple(Column(name=f"{group}{n}", kind=GROUPS[group]) for group in columns for n in range(2)),  # type: ignore[arg-type]
        task=Task(kind="regression", targets=(Target(name="y"),)),
    )
    builder = Builder(table_values(packed_layout(schema)))
    inputs = add_table_preparation(builder, columns)
    return builder.build(prepared=inputs.prepared, raw_outputs=[], outputs={}), inputs


@pytest.mark.parametrize(
    ("groups", "prepared"),
    [
        (("numbers",), ("features",)),
        (("texts",), ("codes",)),
        (("times",), ("features",)),
        (("numbers", "texts", "times"), ("features", "codes")),
    ],
)
def test_every_mix_of_columns_ends_in_features_and_codes(
    groups: tuple[str, ...], prepared: tuple[str, ...], rng: np.random.Generator
) -> None:
    columns = sample(rng, *groups)
    graph, inputs = built(columns)
    assert inputs.prepared == graph.prepared == prepared
    values = prepare(graph, columns)
    for name in prepared:
        assert np.all(np.isfinite(values[name].astype(float)))
        known = infer_values(graph)[name]
        assert values[name].shape == (30, known.shape[1])
        assert str(values[name].dtype) == known.dtype == {"features": "float32", "codes": "int64"}[name]


def test_codes_lie_below_their_sizes(rng: np.random.Generator) -> None:
    columns = sample(rng, "texts")
    graph, inputs = built(columns)
    later = {"texts": np.array([["new", "a"], ["", "other"]], dtype=object)}
    codes = np.concatenate([prepare(graph, columns)["codes"], prepare(graph, later)["codes"]])
    assert codes.min() == 0
    assert np.all(codes < np.array(inputs.sizes))


def test_a_row_is_prepared_the_same_alone_and_among_others(rng: np.random.Generator) -> None:
    columns = sample(rng, *GROUPS)
    graph, inputs = built(columns)
    whole = prepare(graph, columns)
    for row in (0, 17):
        alone = prepare(graph, {name: array[row : row + 1] for name, array in columns.items()})
        for name in inputs.prepared:
            assert np.array_equal(alone[name][0], whole[name][row])


@given(stn.arrays(np.float64, (5, 2), elements=st.floats(-1e6, 1e6)))
def test_decoding_undoes_the_scaling_of_targets(targets: Any) -> None:
    task = Task(kind="regression", targets=(Target(name="a"), Target(name="b")))
    builder = Builder([Value(name="x", dtype="float32", shape=("B", 2))], [target_value(task)])
    center, scale = add_target_scaling(builder, targets)
    raw = builder.add("network", "raw", "relu", "x")
    outputs = add_number_answer(builder, raw, task, center, scale)
    graph = builder.build(prepared=["x"], raw_outputs=[raw], outputs=outputs, encoded=["encoded"])
    exact = (targets - np.array(center)) / np.array(scale)
    found = decode(graph, {"raw": exact}, {})
    for position, name in enumerate(("a", "b")):
        expected = targets[:, position]
        assert np.all(np.abs(found[name] - expected) <= INVERSE_FLOAT64 * (1 + np.abs(targets).max()))
    small = encode(graph, {"targets": targets})["encoded"]
    assert small.dtype == np.float32
    assert np.abs(small).max() < 10
    assert np.allclose(small, exact, rtol=1e-6, atol=1e-6)


def test_a_constant_target_is_only_shifted() -> None:
    builder = Builder([], [Value(name="targets", dtype="float64", shape=("B", 1))])
    assert add_target_scaling(builder, np.full((4, 1), 7.0)) == ([7.0], [1.0])
