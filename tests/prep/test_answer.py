"""Answers: labels with probabilities, numbers with quantiles that do not cross."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambidex.graph import Builder, Graph, Value, decode, infer_values
from ambidex.graph.op import Array
from ambidex.prep.answer import add_class_answer, add_number_answer, middle_level
from ambidex.schema import Target, Task


def network(width: int) -> tuple[Builder, str]:
    builder = Builder([Value(name="x", dtype="float32", shape=("B", width))])
    return builder, builder.add("network", "raw", "relu", "x")


def finished(builder: Builder, outputs: dict[str, str]) -> Graph:
    return builder.build(prepared=["x"], raw_outputs=["raw"], outputs=outputs)


def answers(graph: Graph, raw: object) -> dict[str, Array]:
    return decode(graph, {"raw": np.asarray(raw, dtype=np.float64)}, {})


def test_one_logit_becomes_two_probabilities_and_a_label() -> None:
    task = Task(kind="binary", targets=(Target(name="y", classes=("no", "yes")),), threshold=0.8)
    builder, raw = network(1)
    graph = finished(builder, add_class_answer(builder, raw, task))
    logit = np.log([[1 / 3], [4.0001], [9.0]])  # odds of 1 : 3, a little over 4 : 1, 9 : 1
    found = answers(graph, logit)
    assert found["y"].tolist() == ["no", "yes", "yes"]
    assert found["y_probabilities"][:, 1] == pytest.approx([0.25, 0.8, 0.9], abs=1e-4)


def test_logits_become_probabilities_and_the_most_probable_label() -> None:
    task = Task(kind="multiclass", targets=(Target(name="y", classes=(3, 5, 9)),))
    builder, raw = network(3)
    graph = finished(builder, add_class_answer(builder, raw, task))
    found = answers(graph, np.log([[1, 2, 1], [7, 2, 1]]))
    assert found["y"].tolist() == [5, 3]
    assert found["y_probabilities"] == pytest.approx(np.array([[0.25, 0.5, 0.25], [0.7, 0.2, 0.1]]))
    assert infer_values(graph)[graph.outputs["y"]].shape == ("B",)


def test_numbers_come_back_in_their_own_units_by_target() -> None:
    task = Task(kind="regression", targets=(Target(name="a"), Target(name="b")))
    builder, raw = network(2)
    graph = finished(builder, add_number_answer(builder, raw, task, [10.0, 20.0], [2.0, 3.0]))
    found = answers(graph, [[0.0, 1.0], [1.0, 0.0]])
    assert {name: values.tolist() for name, values in found.items()} == {"a": [10, 12], "b": [23, 20]}


def test_quantiles_are_sorted_and_the_median_is_the_answer() -> None:
    task = Task(kind="regression", targets=(Target(name="a"), Target(name="b")), quantiles=(0.1, 0.5, 0.9))
    builder, raw = network(6)
    graph = finished(builder, add_number_answer(builder, raw, task, [0.0, 100.0], [1.0, 10.0]))
    # Levels follow each other, each with both targets; those of `a` cross.
    found = answers(graph, [[3.0, -1.0, 2.0, 0.0, 1.0, 1.0]])
    assert found["a_quantiles"].tolist() == [[1, 2, 3]]
    assert found["b_quantiles"].tolist() == [[90, 100, 110]]
    assert (found["a"].tolist(), found["b"].tolist()) == ([2], [100])


@pytest.mark.parametrize(
    ("levels", "middle"), [((0.5,), 0), ((0.1, 0.9), 0), ((0.1, 0.45, 0.9), 1), ((0.05, 0.25, 0.5, 0.75), 2)]
)
def test_the_level_nearest_the_median_answers(levels: tuple[float, ...], middle: int) -> None:
    assert middle_level(levels) == middle


@given(st.lists(st.floats(0.01, 0.99), min_size=1, max_size=6, unique=True))
def test_no_level_is_nearer_to_the_median_than_the_chosen_one(levels: list[float]) -> None:
    chosen = levels[middle_level(tuple(levels))]
    assert abs(chosen - 0.5) == min(abs(level - 0.5) for level in levels)
