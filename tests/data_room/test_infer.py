"""What each column is, and why: the quirks of real tables in small copies."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from ambidex.data.infer import Inference, infer_schema_columns
from ambidex.data.table import Table
from ambidex.errors import DataError, UsageError
from ambidex.schema import Column, NumberFormat

ROWS = 40


def cycle(*values: Any, rows: int = ROWS) -> list[Any]:
    return [values[row % len(values)] for row in range(rows)]


def infer(columns: dict[str, Any], **options: Any) -> Inference:
    length = len(next(iter(columns.values())))
    table = Table({**columns, "y": cycle("0.5", "1.5", rows=length)})
    return infer_schema_columns(table, targets=["y"], **options)


def one(values: Sequence[Any] | np.ndarray, **options: Any) -> Column:
    found = infer({"x": values}, **options)
    assert "x" not in found.dropped, found.dropped
    return next(column for column in found.columns if column.name == "x")


def dropped(name: str, values: Any, **options: Any) -> str:
    return infer({name: values}, **options).dropped[name]


def test_numbers_say_their_range_and_a_typical_value() -> None:
    column = one(cycle("1", "2.5", "-3", "4"))
    assert (column.kind, column.minimum, column.maximum, column.example) == ("number", -3.0, 4.0, 2.5)
    assert column.reason == "all 40 values are numbers"


def test_blanks_hidden_in_numbers_are_missing() -> None:
    column = one([" ", *cycle("29.85", "1889.5", "NA", rows=39)])
    assert column.kind == "number"
    assert column.reason == "14 of 40 values are blank, the rest numbers"


@pytest.mark.parametrize("pair", [("Yes", "No"), ("TRUE", "FALSE"), ("t", "f"), ("y", "N"), ("True", "False")])
def test_two_opposite_words_are_a_flag(pair: tuple[str, str]) -> None:
    column = one(cycle(*pair))
    assert column.kind == "flag"
    assert column.reason == f"two values, {pair[0]} and {pair[1]}"


def test_zeros_and_ones_are_a_flag_among_features_and_numbers_in_a_target() -> None:
    assert one(cycle("0", "1")).kind == "flag"
    assert one(np.array(cycle(0, 1))).kind == "flag"
    table = Table({"x": cycle("1", "2"), "y": cycle("0", "1", "0")})
    assert infer_schema_columns(table, targets=["y"]).columns[1].kind == "number"


def test_a_third_value_makes_a_category() -> None:
    column = one(cycle("Yes", "No", "No internet service", "No"))
    assert (column.kind, column.levels) == ("text", ("No", "No internet service", "Yes"))


def test_words_of_a_target_stay_labels() -> None:
    table = Table({"x": cycle("1", "2"), "y": cycle("Yes", "No", "No")})
    column = infer_schema_columns(table, targets=["y"]).columns[1]
    assert (column.kind, column.role, column.levels) == ("text", "target", ("No", "Yes"))


def test_levels_are_stripped_and_sorted_by_frequency() -> None:
    column = one(cycle("b", "a ", " a", "c", "", "a"))
    assert column.levels == ("a", "b", "c")
    assert column.reason == "3 different texts; 6 of 40 are blank"


def test_levels_are_cut_at_a_thousand() -> None:
    assert len(one([f"level {i % 1500}" for i in range(9000)]).levels) == 1000


@pytest.mark.parametrize(
    ("texts", "form"),
    [
        (("1,5", "2,75"), NumberFormat(decimal=",")),
        (("1.234,5", "2,75"), NumberFormat(decimal=",", thousands=".")),
        (("1,234.5", "2.75"), NumberFormat(thousands=",")),
        (("1,234,567", "12"), NumberFormat(thousands=",")),
        (("0,123", "0,456"), NumberFormat(decimal=",")),
        (("1 234,5", "2"), NumberFormat(decimal=",", thousands=" ")),
        (("1'234.5", "2"), NumberFormat(thousands="'")),
        (("$5", "$1,234.50"), NumberFormat(prefix="$", thousands=",")),
        (("-$5", "$7", "0"), NumberFormat(prefix="$")),
        (("5,5 €", "7 €"), NumberFormat(decimal=",", suffix="€")),
        (("5%", "7.5 %", "0"), NumberFormat(percent=True)),
    ],
)
def test_foreign_numbers_are_understood(texts: tuple[str, ...], form: NumberFormat) -> None:
    column = one(cycle(*texts))
    assert (column.kind, column.number_format) == ("number", form)


@pytest.mark.parametrize(
    "texts", [("5 kg", "7 kg"), ("$5", "7 €"), ("5%", "7"), ("1.2.3", "4.5.6"), ("A1", "B2"), ("12e4567", "13e9999")]
)
def test_what_is_no_number_beyond_doubt_is_a_category(texts: tuple[str, ...]) -> None:
    assert one(cycle(*texts)).kind == "text"


def test_numbers_with_two_readings_are_not_guessed() -> None:
    found = infer({"x": cycle("1,234", "5,678", "0")})
    assert found.columns[0].kind == "text"
    assert found.notes == ("x: '1,234' may be 1.234 or 1234; taken as categories. Say which with number:, or number:.",)
    assert one(cycle("1,234", "5,678"), overrides={"x": "number:,"}).maximum == 5.678
    assert one(cycle("1,234", "5,678"), overrides={"x": "number:."}).maximum == 5678.0


def test_a_target_with_two_readings_is_an_error() -> None:
    table = Table({"x": cycle("1", "2"), "y": cycle("1,234", "5,678")})
    with pytest.raises(DataError, match=r"'1,234' may be 1\.234 or 1234"):
        infer_schema_columns(table, targets=["y"])


@pytest.mark.parametrize(
    ("texts", "pattern"),
    [
        (("2016-07-01 00:00:00", "2016-07-01 01:00:00"), ""),
        (("2016-07-01", "2016-07-02T03:04:05.123456Z"), ""),
        (("1/13/2011", "2/1/2011"), "%m/%d/%Y"),
        (("13/1/2011", "1/2/2011"), "%d/%m/%Y"),
        (("1/1/2011", "2/1/2011", "12/1/2011"), "%m/%d/%Y"),
        (("1.2.2011", "3.4.2011"), "%d.%m.%Y"),
        (("1990/1/1 0:00", "1990/1/2 0:00"), "%Y/%m/%d %H:%M"),
        (("Mar-2018", "Jan-2018"), "%b-%Y"),
        (("1949-01", "1949-02"), "%Y-%m"),
        (("May 5, 2018", "Mar 13, 2018"), "%b %d, %Y"),
        (("01/13/2011 11:30 PM", "01/14/2011 01:30 AM"), "%m/%d/%Y %I:%M %p"),
    ],
)
def test_dates_are_understood(texts: tuple[str, ...], pattern: str) -> None:
    rows = list(texts) * 10 if pattern == "%m/%d/%Y" and texts[0] == "1/13/2011" else cycle(*texts)
    if texts == ("1/1/2011", "2/1/2011", "12/1/2011"):
        rows = [f"{month}/1/{year}" for year in range(2011, 2015) for month in range(1, 13)]
    column = one(rows)
    assert (column.kind, column.time_format) == ("time", pattern)


def test_day_and_month_in_doubt_are_not_guessed() -> None:
    texts = cycle("5/6/2011", "3/4/2011", "7/8/2011", "1/2/2011")
    found = infer({"x": texts})
    assert found.columns[0].kind == "text"
    assert "'5/6/2011' may be %m/%d/%Y or %d/%m/%Y" in found.notes[0]
    with pytest.raises(DataError, match="got two: '5/6/2011' may be"):
        infer({"x": texts}, roles={"x": "time"})
    assert one(texts, overrides={"x": "time:%d/%m/%Y"}).time_format == "%d/%m/%Y"


def test_compact_dates_need_a_name_or_a_role() -> None:
    texts = [f"2016{month:02d}{day:02d}" for month in (1, 2) for day in range(1, 21)]
    assert one(texts).kind == "number"
    assert one(texts, roles={"x": "time"}).time_format == "%Y%m%d"
    assert infer({"sale_date": texts}).columns[0].time_format == "%Y%m%d"
    years = [str(1980 + row) for row in range(ROWS)]
    assert one(years, roles={"x": "time"}).time_format == "%Y"
    assert one(np.arange(1980, 2020), roles={"x": "time"}).time_format == "%Y"


def test_a_time_column_without_times_says_how_to_name_the_pattern() -> None:
    with pytest.raises(DataError, match=r"x=time:%d/%m/%Y"):
        infer({"x": cycle("soon", "later")}, roles={"x": "time"})


def test_ids_constants_and_free_text_are_left_out_with_a_reason() -> None:
    rows = range(ROWS)
    scattered = [str(7919 * row % 1009) for row in rows]
    assert dropped("customerID", [f"7590-{row}" for row in rows]) == "an id: all 40 texts are different"
    assert dropped("n", [str(row + 1) for row in rows]) == "it counts the rows from 1 to 40"
    assert dropped("n", np.arange(100, 60, -1)) == "it counts the rows from 100 to 61"
    for name in ("id", "ID", "user_id", "PassengerId", "Unnamed: 0"):
        assert dropped(name, scattered) == "an id: named like one, and all 40 whole numbers are different"
    assert one(scattered).kind == "number"
    assert dropped("x", cycle("a")) == "all 40 values are the same (a)"
    assert dropped("x", cycle("3")) == "all 40 values are the same (3)"
    assert dropped("x", cycle("")) == "all 40 values are missing"
    assert dropped("x", np.full(ROWS, np.nan)) == "all 40 values are missing"
    assert dropped("x", [f"t{row % 30}" for row in rows]) == "free text: 30 different texts in 40 rows"
    assert dropped("x", [f"t{row % 2400}" for row in range(10000)]) == "free text: 2400 different texts in 10000 rows"


def test_what_carries_a_signal_stays() -> None:
    assert one(cycle("x", "")).kind == "text"
    assert one(cycle("3", "")).kind == "number"
    assert one([f"t{row % 20}" for row in range(ROWS)]).kind == "text"


def test_few_rows_never_make_an_id() -> None:
    assert one(["anna", "ben", "carl"]).kind == "text"
    assert one(["1", "2", "3"]).kind == "number"


def test_a_note_says_what_is_left_out() -> None:
    found = infer({"id": [f"a{row}" for row in range(ROWS)], "x": cycle("1", "2", "3")}, drop=["x"])
    assert found.notes == ("id is left out: an id: all 40 texts are different",)
    assert found.dropped["x"] == "left out as asked"
    assert [column.name for column in found.columns] == ["y"]


def test_overrides_and_roles_keep_what_would_be_left_out() -> None:
    names = [f"a{row}" for row in range(ROWS)]
    assert one(names, overrides={"x": "category"}).levels == tuple(sorted(names))
    assert one(names, roles={"x": "series"}).role == "series"
    assert one(cycle("3"), overrides={"x": "number"}).kind == "number"
    assert one(cycle("1", "2", "3"), overrides={"x": "category"}).levels == ("1", "2", "3")
    assert one(cycle("1", "0"), overrides={"x": "number"}).kind == "number"
    assert dropped("x", names, overrides={"x": "drop"}) == "left out as asked"


def test_an_override_that_does_not_fit_names_the_row() -> None:
    with pytest.raises(DataError, match=r"Expected a number for column 'x', got 'abc' at row 2\."):
        infer({"x": cycle("1", "abc")}, overrides={"x": "number"})
    with pytest.raises(UsageError, match="got 'integer'"):
        infer({"x": cycle("1", "2")}, overrides={"x": "integer"})


def test_unknown_columns_are_named_with_the_nearest() -> None:
    with pytest.raises(DataError, match="Expected a target that is in the table, got 'yy'"):
        infer_schema_columns(Table({"y": ["1"]}), targets=["yy"])
    with pytest.raises(DataError, match="Did you mean 'x'"):
        infer({"x": cycle("1", "2")}, drop=["xx"])
    with pytest.raises(UsageError, match="'y' among the columns to drop"):
        infer({"x": cycle("1", "2")}, drop=["y"])


def test_others_may_have_no_part() -> None:
    found = infer({"x": cycle("1", "2"), "z": cycle("1", "2", "3")}, roles={"z": "past"}, others="drop")
    assert [(column.name, column.role) for column in found.columns] == [("z", "past"), ("y", "target")]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (np.array(cycle(True, False)), "flag"),
        (np.array(cycle(1, 5, 7)), "number"),
        (np.array(cycle(1.5, np.nan)), "number"),
        (np.array(cycle("2020-01-01", "2020-05-01"), dtype="datetime64[us]"), "time"),
        (cycle(1, 2.5, None), "number"),
        (cycle(True, None, False), "flag"),
        (cycle(dt.date(2020, 1, 1), None, dt.date(2020, 5, 1)), "time"),
        (cycle(1, "a", None), "text"),
    ],
)
def test_typed_columns_keep_their_type(values: Any, kind: str) -> None:
    assert one(values).kind == kind


def test_a_declared_category_of_numbers_is_a_category() -> None:
    table = Table({"x": cycle(1, 2, 3), "y": cycle("1", "2")}, categories=["x"])
    column = infer_schema_columns(table, targets=["y"]).columns[0]
    assert (column.kind, column.levels) == ("text", ("1", "2", "3"))
