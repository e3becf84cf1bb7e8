"""Frames of other libraries, in and out."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from ambidex.data.frames import like_input, table_from
from ambidex.errors import DataError

STAMPS = [dt.datetime(2020, 1, 1, 12), None, dt.datetime(2021, 1, 1)]
STAMPS_US = np.array(["2020-01-01T12:00", "NaT", "2021-01-01"], dtype="datetime64[us]")


def check(table: Any, name: str, values: list[Any]) -> None:
    column = table.column(name)
    if isinstance(column, np.ndarray) and column.dtype.kind == "M":
        np.testing.assert_array_equal(column, np.array(values, dtype="datetime64[us]"))
    elif isinstance(column, np.ndarray):
        np.testing.assert_array_equal(column, values)
        assert column.ndim == 1
    else:
        assert column == values


def test_pandas_columns_of_every_kind() -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(
        {
            "float": [1.5, None, 2.0],
            "whole": pd.array([1, None, 3], dtype="Int64"),
            "full": pd.array([1, 2, 3], dtype="Int32"),
            "flag": [True, False, True],
            "maybe": pd.array([True, None, False], dtype="boolean"),
            "text": ["x", None, "y"],
            "object": pd.Series(["x", np.nan, pd.NA], dtype=object),
            "decimal": pd.Series([Decimal("1.5"), None, Decimal(2)], dtype=object),
            "level": pd.Categorical(["u", None, "v"]),
            "code": pd.Categorical([1, 2, 1]),
            "time": STAMPS,
            "zoned": pd.to_datetime(pd.Series(STAMPS)).dt.tz_localize("Europe/Berlin"),
        }
    )
    table = table_from(frame)
    check(table, "float", [1.5, np.nan, 2.0])
    check(table, "whole", [1, np.nan, 3])
    check(table, "full", [1, 2, 3])
    check(table, "flag", [True, False, True])
    check(table, "maybe", [1, np.nan, 0])
    check(table, "text", ["x", None, "y"])
    check(table, "object", ["x", None, None])
    check(table, "decimal", [1.5, None, 2.0])
    check(table, "level", ["u", None, "v"])
    check(table, "code", [1, 2, 1])
    check(table, "time", STAMPS)
    check(table, "zoned", [dt.datetime(2020, 1, 1, 11), None, dt.datetime(2020, 12, 31, 23)])
    assert table.categories == {"level", "code"}


def test_a_named_pandas_index_is_a_column_and_another_is_not() -> None:
    pd = pytest.importorskip("pandas")
    index = pd.date_range("2020-01-01", periods=2, name="day")
    assert table_from(pd.DataFrame({"a": [1, 2]}, index=index)).names == ("day", "a")
    assert table_from(pd.DataFrame({"a": [1, 2]}, index=[5, 6])).names == ("a",)


def test_column_names_that_are_numbers_become_texts_and_must_differ() -> None:
    pd = pytest.importorskip("pandas")
    assert table_from(pd.DataFrame([[1, 2]])).names == ("0", "1")
    with pytest.raises(DataError, match="'a' twice"):
        table_from(pd.DataFrame([[1, 2]], columns=["a", "a"]))


def polars_frame(pl: Any) -> Any:
    return pl.DataFrame(
        {
            "whole": [1, None, 3],
            "full": [1, 2, 3],
            "flag": [True, False, True],
            "maybe": [True, None, False],
            "text": ["x", None, "y"],
            "time": STAMPS,
            "day": [dt.date(2020, 1, 1), None, dt.date(2020, 1, 2)],
        }
    ).with_columns(
        level=pl.col("text").cast(pl.Categorical), zoned=pl.col("time").dt.replace_time_zone("Europe/Berlin")
    )


@pytest.mark.parametrize("library", ["polars", "lazy", "pyarrow", "batch"])
def test_polars_and_arrow_columns_of_every_kind(library: str) -> None:
    pl = pytest.importorskip("polars")
    frame = polars_frame(pl)
    if library == "lazy":
        frame = frame.lazy()
    elif library != "polars":
        pytest.importorskip("pyarrow")
        frame = frame.to_arrow() if library == "pyarrow" else frame.to_arrow().to_batches()[0]
    table = table_from(frame)
    check(table, "whole", [1, np.nan, 3])
    check(table, "full", [1, 2, 3])
    check(table, "flag", [True, False, True])
    check(table, "maybe", [True, None, False])
    check(table, "text", ["x", None, "y"])
    check(table, "time", STAMPS)
    check(table, "day", [dt.datetime(2020, 1, 1), None, dt.datetime(2020, 1, 2)])
    check(table, "level", ["x", None, "y"])
    check(table, "zoned", [dt.datetime(2020, 1, 1, 11), None, dt.datetime(2020, 12, 31, 23)])
    assert table.categories == {"level"}


def test_arrays_and_python_containers() -> None:
    check(table_from(np.array([[1.0, 2.0], [3.0, 4.0]])), "x1", [2.0, 4.0])
    check(table_from(np.array([(1, "a")], dtype=[("n", "i8"), ("s", "U3")])), "s", ["a"])
    check(table_from({"a": [1, None], "b": np.array(["x", "y"])}), "b", ["x", "y"])
    check(table_from({"a": [np.float32(1.5), float("nan")]}), "a", [1.5, None])
    check(table_from([{"a": 1}, {"b": "x"}]), "b", [None, "x"])


@pytest.mark.parametrize(
    "thing", [None, 3, "a.csv", [1, 2], [], np.zeros(3), np.zeros((2, 2, 2)), {"a": "text"}, {"a": 1}]
)
def test_what_is_no_table_is_refused(thing: object) -> None:
    with pytest.raises(DataError, match=r"^Expected"):
        table_from(thing)


def test_results_come_back_in_the_kind_that_went_in() -> None:
    pd, pl, pa = pytest.importorskip("pandas"), pytest.importorskip("polars"), pytest.importorskip("pyarrow")
    columns = {"p": np.array([0.5, 1.5]), "q": ["a", "b"]}
    frame = like_input(columns, pd.DataFrame({"a": [1, 2]}, index=[7, 8]))
    assert frame.index.tolist() == [7, 8]
    assert frame["q"].tolist() == ["a", "b"]
    assert like_input(columns, pd.DataFrame({"a": [1]})).index.tolist() == [0, 1]
    assert like_input(columns, pl.DataFrame({"a": [1]})).rows() == [(0.5, "a"), (1.5, "b")]
    assert like_input(columns, pa.table({"a": [1]})).to_pydict() == {"p": [0.5, 1.5], "q": ["a", "b"]}
    assert like_input(columns, np.zeros((2, 1)))["q"].tolist() == ["a", "b"]
    assert like_input(columns, {"a": [1]}) == {"p": [0.5, 1.5], "q": ["a", "b"]}
    assert like_input(columns, [{"a": 1}]) == [{"p": 0.5, "q": "a"}, {"p": 1.5, "q": "b"}]
