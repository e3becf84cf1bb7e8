"""What files, frames and requests hold, typed."""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambidex.errors import DataError
from ambidex.schema import MISSING_TIME, Column, NumberFormat, parse_value
from ambidex.schema.frequency import EPOCH
from ambidex.schema.parse import to_microseconds

NUMBER = Column(name="x", kind="number")
FLAG = Column(name="x", kind="flag")
TEXT = Column(name="x", kind="text")
TIME = Column(name="x", kind="time")
EURO = Column(name="x", kind="number", number_format=NumberFormat(decimal=",", thousands=".", suffix="€"))


@pytest.mark.parametrize(
    ("text", "number"),
    [("1", 1.0), (" 1.5 ", 1.5), ("-.5", -0.5), ("+2.", 2.0), ("1e3", 1000.0), ("-0", 0.0),
     ("5.827000141143799", 5.827000141143799)],
)  # fmt: skip
def test_numbers_are_read_as_python_writes_them(text: str, number: float) -> None:
    assert parse_value(NUMBER, text) == number


@pytest.mark.parametrize(
    "word", ["", " ", "NA", "n/a", "NaN", "null", "None", "#N/A", "<NA>", "NaT", None, float("nan")]
)
def test_missing_words_are_nan_for_numbers_and_flags(word: object) -> None:
    assert math.isnan(parse_value(NUMBER, word))  # type: ignore[arg-type]
    assert math.isnan(parse_value(FLAG, word))  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["abc", "1_000", "1,5", "0x10", "1 2", "inf", "1e999", math.inf, 10**400, [1], b"1"])
def test_what_is_no_finite_number_is_refused(value: object) -> None:
    with pytest.raises(DataError, match="number for column 'x'"):
        parse_value(NUMBER, value)


def test_an_error_names_value_place_and_way_out() -> None:
    with pytest.raises(DataError) as caught:
        parse_value(Column(name="age", kind="number"), "abc", "row 3")
    assert str(caught.value) == (
        "Expected a number for column 'age', got 'abc' at row 3. "
        "Use null, or an empty cell of a file, if it is missing."
    )
    assert caught.value.where == "row 3"


def test_a_long_value_is_cut_in_the_message() -> None:
    with pytest.raises(DataError) as caught:
        parse_value(NUMBER, "z" * 1000)
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize(
    ("text", "number"),
    [("1.234,50 €", 1234.5), ("12,5€", 12.5), ("-1.000 €", -1000.0), ("1.234.567", 1234567.0), ("7", 7.0)],
)
def test_foreign_marks_and_currency_are_read(text: str, number: float) -> None:
    assert parse_value(EURO, text) == number


@pytest.mark.parametrize("text", ["1.5", "12.34,5", "1.2345", "1,5,0", "1.2.3", "€ 5"])
def test_thousands_must_stand_in_groups_of_three(text: str) -> None:
    with pytest.raises(DataError):
        parse_value(EURO, text)


@pytest.mark.parametrize("blank", [" ", "\u00a0", "\u202f"])
def test_any_blank_groups_thousands(blank: str) -> None:
    column = Column(name="x", kind="number", number_format=NumberFormat(decimal=",", thousands=" "))
    assert parse_value(column, f"12{blank}345,5") == 12345.5


@pytest.mark.parametrize(("text", "number"), [("$5", 5.0), ("-$5", -5.0), ("$-5", -5.0), ("$ 1,234.5", 1234.5)])
def test_a_currency_may_stand_on_either_side_of_the_sign(text: str, number: float) -> None:
    column = Column(name="x", kind="number", number_format=NumberFormat(thousands=",", prefix="$"))
    assert parse_value(column, text) == number


def test_percent_is_divided_in_text_only() -> None:
    column = Column(name="x", kind="number", number_format=NumberFormat(percent=True))
    assert parse_value(column, "12.5 %") == 0.125
    assert parse_value(column, 0.125) == 0.125


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_comes_back_from_its_text(number: float) -> None:
    assert parse_value(NUMBER, repr(number)) == number
    assert parse_value(NUMBER, number) == number


@given(
    st.integers(-(10**12), 10**12),
    st.integers(0, 99),
    st.sampled_from([(",", "."), (".", ","), (",", " "), (".", "'")]),
)
def test_grouped_numbers_come_back(whole: int, cents: int, marks: tuple[Any, Any]) -> None:
    decimal, group = marks
    column = Column(name="x", kind="number", number_format=NumberFormat(decimal=decimal, thousands=group))
    text = f"{whole:,}".replace(",", group) + f"{decimal}{cents:02d}"
    assert parse_value(column, text) == float(f"{whole}.{cents:02d}")


@pytest.mark.parametrize("value", ["yes", "Y", "TRUE", "t", "1", True, 1, 1.0])
def test_true_in_any_spelling(value: object) -> None:
    assert parse_value(FLAG, value) == 1.0


@pytest.mark.parametrize("value", ["no", "N", "False", "f", "0", False, 0, 0.0])
def test_false_in_any_spelling(value: object) -> None:
    assert parse_value(FLAG, value) == 0.0


@pytest.mark.parametrize("value", ["maybe", "2", 2, 0.5, "on"])
def test_a_flag_is_nothing_else(value: object) -> None:
    with pytest.raises(DataError, match="true or false"):
        parse_value(FLAG, value)


@pytest.mark.parametrize(
    ("value", "text"),
    [(" a b ", "a b"), (None, ""), (float("nan"), ""), (5951.0, "5951"), (5951, "5951"), (0.5, "0.5"), (True, "true"),
     (date(2020, 1, 2), "2020-01-02"), ("NA", "NA"), ("None", "None")],
)  # fmt: skip
def test_texts_are_stripped_and_only_the_empty_one_is_missing(value: object, text: str) -> None:
    assert parse_value(TEXT, value) == text


def test_times_are_microseconds() -> None:
    second = 1_000_000
    assert parse_value(TIME, "1970-01-02") == 86400 * second
    assert parse_value(TIME, "1970-01-01 00:00:01.5") == 1_500_000
    assert parse_value(TIME, "1969-12-31T23:59:59") == -second
    assert parse_value(TIME, datetime(1970, 1, 1, 1)) == 3600 * second
    assert parse_value(TIME, date(1970, 1, 2)) == 86400 * second
    assert parse_value(TIME, 42) == 42


def test_an_offset_is_applied() -> None:
    assert parse_value(TIME, "1970-01-01T02:00:00+02:00") == 0
    assert parse_value(TIME, "1970-01-01T00:00:00Z") == 0
    assert parse_value(TIME, datetime(1970, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))) == 0


@pytest.mark.parametrize("value", ["", None, "NaT", float("nan"), MISSING_TIME])
def test_missing_times_are_the_smallest_integer(value: object) -> None:
    assert parse_value(TIME, value) == MISSING_TIME


def test_a_pattern_replaces_iso() -> None:
    column = Column(name="x", kind="time", time_format="%d/%m/%Y")
    assert parse_value(column, "02/01/1970") == 86_400_000_000
    with pytest.raises(DataError, match="%d/%m/%Y"):
        parse_value(column, "1970-01-02")


@pytest.mark.parametrize("value", ["19700102", 19700102, 19700102.0])
def test_compact_dates_may_be_numbers(value: object) -> None:
    assert parse_value(Column(name="x", kind="time", time_format="%Y%m%d"), value) == 86_400_000_000


@pytest.mark.parametrize("value", ["yesterday", "2020-02-30", "2020-13-01", 1.5, True, [1]])
def test_what_is_no_time_is_refused(value: object) -> None:
    with pytest.raises(DataError, match="for column 'x'"):
        parse_value(TIME, value)


@given(st.datetimes())
def test_every_time_comes_back_from_its_text(stamp: datetime) -> None:
    microseconds = parse_value(TIME, stamp.isoformat())
    assert microseconds == to_microseconds(stamp)
    assert EPOCH + timedelta(microseconds=int(microseconds)) == stamp


def test_nat_of_pandas_is_missing() -> None:
    pandas = pytest.importorskip("pandas")
    assert parse_value(TIME, pandas.NaT) == MISSING_TIME
