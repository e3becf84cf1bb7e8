"""Typed arrays from raw columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambidex.data.encode import extra_columns, missing_mask, pack, typed_column
from ambidex.data.table import Table
from ambidex.errors import DataError
from ambidex.schema import MISSING_TIME, Column, NumberFormat, Schema, Target, Task, parse_value

SCHEMA = Schema(
    columns=(
        Column(name="age", kind="number"),
        Column(name="job", kind="text"),
        Column(name="member", kind="flag"),
        Column(name="since", kind="time"),
        Column(name="y", kind="number", role="target"),
    ),
    task=Task(kind="regression", targets=(Target(name="y"),)),
)


def test_columns_are_packed_by_kind_in_schema_order() -> None:
    table = Table(
        {
            "extra": ["?", "?"],
            "since": ["1970-01-02", ""],
            "member": ["yes", None],
            "job": [" a ", ""],
            "age": ["1", ""],
        }
    )
    packed = pack(SCHEMA, table)
    np.testing.assert_array_equal(packed["numbers"], [[1.0, 1.0], [np.nan, np.nan]])
    assert packed["texts"].tolist() == [["a"], [""]]
    assert packed["times"].tolist() == [[86_400_000_000], [MISSING_TIME]]
    assert {name: array.dtype for name, array in packed.items()} == {
        "numbers": np.float64,
        "texts": np.object_,
        "times": np.int64,
    }
    assert extra_columns(SCHEMA, table) == ("extra",)


def test_all_missing_columns_are_named_at_once() -> None:
    with pytest.raises(DataError) as caught:
        pack(SCHEMA, Table({"Age": ["1"], "job": ["a"]}, source="t.csv"))
    assert str(caught.value) == (
        "Expected columns 'age', 'member', 'since' in t.csv, got none of that name. "
        "Use one of Age, job. Did you mean 'Age'?"
    )


def test_a_wrong_value_is_named_by_row_and_column() -> None:
    table = Table({"x": ["1", "2", "abc", "def"]}, source="t.csv").take([0, 2, 3])
    with pytest.raises(DataError, match=r"a number for column 'x', got 'abc' at row 3 of t\.csv\."):
        typed_column(Column(name="x", kind="number"), table.column("x"), place=table.place)


NUMBER, FLAG = Column(name="x", kind="number"), Column(name="x", kind="flag")
TEXT, TIME = Column(name="x", kind="text"), Column(name="x", kind="time")


@pytest.mark.parametrize(
    ("column", "values", "row"),
    [
        (NUMBER, ["1", "inf"], 2),
        (NUMBER, ["1", "1_0"], 2),
        (NUMBER, np.array([1.0, -np.inf]), 2),
        (NUMBER, np.array(["2020-01-01"], dtype="datetime64[us]"), 1),
        (NUMBER, [1, 2.5, "x"], 3),
        (FLAG, np.array([0, 1, 2]), 3),
        (FLAG, ["yes", "no", "maybe"], 3),
        (TIME, ["2020-01-01", "soon"], 2),
        (TIME, np.array([True]), 1),
        (TEXT, ["a", {"b": 1}], 2),
    ],
)
def test_every_path_names_the_first_wrong_row(column: Column, values: Any, row: int) -> None:
    with pytest.raises(DataError, match=rf"at row {row}\."):
        typed_column(column, values)


def test_typed_arrays_are_taken_as_they_are() -> None:
    assert typed_column(NUMBER, np.array([1, 2], dtype=np.uint8)).tolist() == [1.0, 2.0]
    assert typed_column(FLAG, np.array([True, False])).tolist() == [1.0, 0.0]
    assert typed_column(TEXT, np.array([5951.0, np.nan, 0.5])).tolist() == ["5951", "", "0.5"]
    assert typed_column(TEXT, np.array([True, False])).tolist() == ["true", "false"]
    assert typed_column(TIME, np.array(["1970-01-02", "NaT"], dtype="datetime64[D]")).tolist() == [
        86_400_000_000,
        MISSING_TIME,
    ]
    compact = Column(name="x", kind="time", time_format="%Y%m%d")
    assert typed_column(compact, np.array([19700102.0, np.nan])).tolist() == [86_400_000_000, MISSING_TIME]


def test_empty_columns_stay_empty() -> None:
    for column in (NUMBER, FLAG, TEXT, TIME):
        assert typed_column(column, []).shape == (0,)


WORDS = ["", " ", "1", " 2.5 ", "NaN", "n/a", "-1e3", ".5", "1_0", "1.234,5", "x", "yes", "0", "true", "7%"]
STAMPS = ["", "2020-01-01", "2020-01-01 00:00:01", "2020-01-01T05:00", "2020-01-01T00:00:00-05:00",
          "2020-01-01T00:00:00Z", "20200101", "NaT", "2020-02-30", "2020", "today", "1969-12-31 23:59:59.999999",
          "2020-01-01T00:00:00.1234567"]  # fmt: skip
COLUMNS = [NUMBER, FLAG, TEXT, Column(name="x", kind="number", number_format=NumberFormat(decimal=",", thousands="."))]


def by_cell(column: Column, values: list[Any]) -> list[Any] | None:
    try:
        return [parse_value(column, value) for value in values]
    except DataError:
        return None


@given(
    st.one_of(
        st.tuples(st.sampled_from(COLUMNS), st.lists(st.one_of(st.sampled_from(WORDS), st.none()), max_size=4)),
        st.tuples(st.just(TIME), st.lists(st.one_of(st.sampled_from(STAMPS), st.none()), max_size=4)),
    )
)
def test_the_quick_ways_agree_with_reading_cell_by_cell(case: tuple[Column, list[Any]]) -> None:
    column, values = case
    slow = by_cell(column, values)
    if slow is None:
        with pytest.raises(DataError):
            typed_column(column, values)
    else:
        np.testing.assert_array_equal(
            typed_column(column, values), np.array(slow, dtype=typed_column(column, []).dtype)
        )


def test_missing_is_found_in_each_type() -> None:
    assert missing_mask(np.array([1.0, np.nan])).tolist() == [False, True]
    assert missing_mask(np.array(["a", ""], dtype=object)).tolist() == [False, True]
    assert missing_mask(np.array([0, MISSING_TIME])).tolist() == [False, True]
