"""Columns by name that remember their row numbers."""

from __future__ import annotations

import numpy as np
import pytest

from ambidex.data.table import Table
from ambidex.errors import DataError

TABLE = Table({"a": ["x", "y", "z"], "b": np.array([1.0, 2.0, 3.0])}, source="t.csv", categories=["a"])


def test_rows_keep_their_numbers_when_taken_twice() -> None:
    part = TABLE.take(np.array([2, 0])).take([0])
    assert part.column("a") == ["z"]
    assert part.column("b").tolist() == [3.0]
    assert part.place(0) == "row 3 of t.csv"


def test_columns_are_selected_and_dropped() -> None:
    assert TABLE.select(["b", "a"]).names == ("b", "a")
    assert TABLE.drop(["a"]).names == ("b",)
    assert TABLE.drop(["a"]).categories == frozenset()
    assert TABLE.select(["a"]).categories == {"a"}
    assert TABLE.head(2).num_rows == 2
    assert TABLE.head(9).num_rows == 3
    assert "a" in TABLE
    assert "c" not in TABLE
    assert len(TABLE) == 3


def test_an_unknown_column_is_named_with_the_nearest() -> None:
    table = Table({"income": [], "age": []}, source="t.csv")
    with pytest.raises(DataError) as caught:
        table.column("incom")
    assert (
        str(caught.value) == "Expected a column of t.csv, got 'incom'. Use one of age, income. Did you mean 'income'?"
    )


def test_columns_of_different_lengths_are_refused() -> None:
    with pytest.raises(DataError, match="got 1 rows and 2 in column 'b'"):
        Table({"a": [1], "b": [1, 2]})
