"""Profiles of training data: what the server will compare live rows with."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambidex.artifact.profile import Profile, read_profile
from ambidex.errors import ArtifactError
from ambidex.schema import Column, Schema, Target, Task
from ambidex.workflow.profile import BINS, LEVELS, input_profile, with_answers

TASK = Task(kind="regression", targets=(Target(name="price"),))


def schema_of(*columns: Column) -> Schema:
    return Schema(columns=(*columns, Column(name="price", kind="number", role="target")), task=TASK)


def numbers(values: list[float]) -> Profile:
    schema = schema_of(Column(name="x", kind="number"))
    return input_profile(schema, {"numbers": np.array(values, dtype=np.float64)[:, None]})


def test_many_numbers_fall_into_deciles() -> None:
    one = numbers([float(value) for value in range(1000)]).inputs["x"]
    assert one.shares == pytest.approx([0.1] * BINS, abs=0.002)
    assert (one.kind, one.missing) == ("number", 0)


def test_few_distinct_numbers_get_a_bin_each() -> None:
    one = numbers([0.0] * 6 + [1.0] * 3 + [float("nan")]).inputs["x"]
    assert one.edges == (0.5,)
    assert one.missing == pytest.approx(0.1)
    assert one.shares == pytest.approx([2 / 3, 1 / 3])


def test_a_frequent_number_has_its_own_bin() -> None:
    one = numbers([0.0] * 950 + [float(value) for value in range(1, 51)]).inputs["x"]
    assert one.edges[0] == 0
    assert one.shares[0] == pytest.approx(0.95)


@given(
    values=st.lists(st.floats(allow_nan=False, allow_infinity=False) | st.just(float("nan")), min_size=1, max_size=60)
)
def test_whatever_the_numbers_the_record_is_valid(values: list[float]) -> None:
    for one in numbers(values).inputs.values():
        assert sum(one.shares) == pytest.approx(1)
        assert 0 <= one.missing < 1


def test_only_levels_of_the_schema_are_named() -> None:
    levels = tuple(f"level {number:02d}" for number in range(LEVELS + 5))
    schema = schema_of(Column(name="t", kind="text", levels=levels))
    texts = [level for number, level in enumerate(levels) for _ in range(number + 1)]
    values: Any = np.array([*texts, "private note", ""], dtype=object)[:, None]
    one = input_profile(schema, {"texts": values}).inputs["t"]
    assert one.levels == tuple(reversed(levels[5:]))
    assert sum(one.shares) == pytest.approx(1)
    assert one.missing == pytest.approx(1 / len(values))
    assert "private note" not in str(one)


def test_times_are_left_out() -> None:
    schema = schema_of(Column(name="x", kind="number"), Column(name="at", kind="time"))
    packed = {"numbers": np.ones((3, 1)), "times": np.zeros((3, 1), dtype=np.int64)}
    assert list(input_profile(schema, packed).inputs) == ["x"]


def test_answers_are_classes_values_and_first_steps() -> None:
    profile = Profile(rows=1)
    classes = Task(kind="binary", targets=(Target(name="y", classes=("no", "yes")),))
    one = with_answers(profile, classes, {"y": np.array(["no", "yes", "no", "no"], dtype=object)})
    assert (one.answers, one.outputs["y"].levels, one.outputs["y"].shares) == (4, ("no", "yes"), (0.75, 0.25, 0.0))
    steps = with_answers(profile, TASK, {"price": np.array([[1.0, 9.0], [2.0, 9.0]])}).outputs["price"]
    assert steps.edges == (1.5,)


def test_a_record_reads_back_and_older_ones_have_none() -> None:
    import msgspec

    profile = numbers([1.0, 2.0, 2.0])
    assert read_profile(msgspec.json.encode({"reference": {"train_rows": 3, "profile": profile}})) == profile
    assert read_profile(b'{"reference": {"train_rows": 3}, "history": {}}') is None
    assert read_profile(b"{}") is None


@pytest.mark.parametrize(
    "change", [{"shares": [0.5]}, {"edges": [2.0, 1.0]}, {"shares": [2.0, -1.0]}, {"kind": "time"}, {"more": 1}]
)
def test_a_record_that_cannot_be_is_refused(change: dict[str, Any]) -> None:
    import msgspec

    profile = msgspec.to_builtins(numbers([1.0, 2.0, 2.0]))
    profile["inputs"]["x"] |= change
    with pytest.raises(ArtifactError, match=r"training\.json"):
        read_profile(msgspec.json.encode({"reference": {"profile": profile}}))
