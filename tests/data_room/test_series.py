"""Series from rows: sorted, regular, and everything that was done is said."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from ambidex.data.series import SeriesSet, series_set
from ambidex.data.table import Table
from ambidex.errors import DataError
from ambidex.schema import MISSING_TIME, Column, Frequency, Schema, Target, Task
from ambidex.schema.column import Kind, Role
from ambidex.schema.parse import to_microseconds

HOUR = Frequency(unit="microsecond", count=3_600_000_000)
DAY = Frequency(unit="microsecond", count=86_400_000_000)


def schema(*others: tuple[str, Kind, Role], targets: tuple[str, ...] = ("y",)) -> Schema:
    columns = [Column(name="t", kind="time", role="time")]
    columns += [Column(name=name, kind=kind, role=role) for name, kind, role in others]
    columns += [Column(name=name, kind="number", role="target") for name in targets]
    task = Task(kind="forecast", targets=tuple(Target(name=name) for name in targets), horizon=1)
    return Schema(columns=tuple(columns), task=task)


def days(*numbers: int, start: str = "2020-01-06") -> list[str]:
    first = datetime.fromisoformat(start)
    return [(first + timedelta(days=number)).date().isoformat() for number in numbers]


def hours(*numbers: int) -> list[str]:
    return [(datetime(2020, 1, 1) + timedelta(hours=number)).isoformat(" ") for number in numbers]


def make(columns: dict[str, Any], *others: tuple[str, Kind, Role], **options: Any) -> SeriesSet:
    return series_set(schema(*others), Table(columns, source="t.csv"), **options)


def target(series: SeriesSet) -> list[float]:
    values: list[float] = series.tensors["numbers"][:, 0].tolist()
    return values


def test_a_regular_series_is_taken_as_it_is() -> None:
    series = make({"t": hours(0, 1, 2), "y": ["1", "2", "3"]})
    assert target(series) == [1.0, 2.0, 3.0]
    assert series.offsets.tolist() == [0, 3]
    assert series.known.tolist() == [3]
    assert series.rows.tolist() == [0, 1, 2]
    assert series.keys == ((),)
    assert series.frequency == HOUR
    assert series.notes == ("step: every hour (100.0% of the steps)",)
    np.testing.assert_array_equal(series.tensors["times"][:, 0], series.stamps)


def test_rows_out_of_order_are_sorted_and_said() -> None:
    series = make({"t": hours(2, 0, 1), "y": ["3", "1", "2"]})
    assert target(series) == [1.0, 2.0, 3.0]
    assert series.rows.tolist() == [1, 2, 0]
    assert series.notes[0] == "the rows were not in the order of t; they are sorted"


def test_of_repeated_stamps_the_last_row_is_kept() -> None:
    stamps = hours(*range(20), 5, 5)
    series = make({"t": stamps, "y": [str(i) for i in range(22)]})
    assert len(series.stamps) == 20
    assert target(series)[5] == 21.0
    assert "2 repeated stamps in t: the last row of each is kept" in series.notes


def test_many_repeated_stamps_are_several_series_in_one() -> None:
    with pytest.raises(DataError, match="--series"):
        make({"t": hours(0, 1, 0, 1), "y": ["1", "2", "3", "4"]})


def test_missing_hours_are_inserted_on_a_straight_line() -> None:
    series = make({"t": hours(0, 1, 2, 5, 6), "y": ["0", "1", "2", "8", "9"]})
    assert target(series) == [0.0, 1.0, 2.0, 4.0, 6.0, 8.0, 9.0]
    assert series.rows.tolist() == [0, 1, 2, -1, -1, 3, 4]
    assert np.unique(np.diff(series.stamps)).tolist() == [HOUR.count]
    assert series.notes[1] == (
        "2 missing steps inserted (1 gap, the longest of 2); their numbers are interpolated in a straight line"
    )


def test_gaps_longer_than_the_data_are_refused() -> None:
    with pytest.raises(DataError, match="96 missing steps between 4 rows"):
        make({"t": hours(0, 1, 2, 99), "y": ["1"] * 4})


def test_missing_targets_between_known_ones_are_interpolated_and_said() -> None:
    series = make({"t": days(0, 1, 2, 3, 4), "y": ["1", "", "", "4", "5"]})
    assert target(series) == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert "2 missing values of y are interpolated in a straight line" in series.notes


def test_missing_targets_at_the_ends_are_cut_and_said() -> None:
    series = make({"t": days(0, 1, 2, 3), "y": ["", "2", "3", ""]})
    assert target(series) == [2.0, 3.0]
    assert series.rows.tolist() == [1, 2]
    assert "2 rows before the first or after the last target value are left out" in series.notes


def test_a_target_without_any_value_is_refused() -> None:
    with pytest.raises(DataError, match="a value for every target, got none in the series"):
        make({"t": days(0, 1), "y": ["", ""]})


def test_many_series_are_sorted_by_key_and_never_mixed() -> None:
    series = make(
        {"t": days(1, 0, 0, 1, 2), "k": ["b", "b", "a", "a", "a"], "y": ["11", "10", "1", "2", "3"]},
        ("k", "text", "series"),
    )
    assert series.keys == (("a",), ("b",))
    assert series.offsets.tolist() == [0, 3, 5]
    assert target(series) == [1.0, 2.0, 3.0, 10.0, 11.0]
    assert series.name(1) == "series 'b'"


def test_series_may_start_anywhere_and_gaps_stay_within_them() -> None:
    series = make(
        {"t": days(0, 1, 3, 10, 11, 12), "k": ["a"] * 3 + ["b"] * 3, "y": list("124789")},
        ("k", "text", "series"),
    )
    assert series.offsets.tolist() == [0, 4, 7]
    assert target(series) == [1.0, 2.0, 3.0, 4.0, 7.0, 8.0, 9.0]


@pytest.mark.parametrize(
    ("stamps", "frequency"),
    [
        (["2020-01-01", "2020-02-01", "2020-03-01"], Frequency(unit="month", count=1)),
        (["2020-01-31", "2020-02-29", "2020-03-31", "2020-04-30"], Frequency(unit="month", count=1)),
        (["2020-01-30", "2020-02-29", "2020-03-30"], Frequency(unit="month", count=1)),
        (["2020-01-01", "2020-04-01", "2020-07-01"], Frequency(unit="month", count=3)),
        (["2018-01-01", "2019-01-01", "2020-01-01"], Frequency(unit="month", count=12)),
        (days(*range(0, 28, 7)), Frequency(unit="microsecond", count=7 * DAY.count)),
        (days(0, 1, 2, 3, 4, 7, 8, 9, 11, 14, 15), Frequency(unit="business", count=1)),
        (days(*range(10)), DAY),
        (hours(0, 6, 12), Frequency(unit="microsecond", count=6 * HOUR.count)),
    ],
)
def test_the_step_is_found(stamps: list[str], frequency: Frequency) -> None:
    series = make({"t": stamps, "y": ["1"] * len(stamps)})
    assert series.frequency == frequency
    assert len(series.stamps) == len(stamps)


def test_a_missing_month_is_inserted() -> None:
    series = make({"t": ["2020-01-31", "2020-02-29", "2020-04-30", "2020-05-31"], "y": ["1", "2", "4", "5"]})
    assert to_microseconds(datetime(2020, 3, 31)) == series.stamps[2]
    assert target(series)[2] == pytest.approx(3.0, abs=0.02)


def test_holidays_of_a_trading_calendar_are_not_filled() -> None:
    weekdays = [day for day in range(28) if day % 7 < 5 and day != 9]
    series = make({"t": days(*weekdays), "y": [str(day) for day in weekdays]})
    assert len(series.stamps) == len(weekdays)
    assert series.notes == ("step: Monday to Friday",)


def test_irregular_stamps_are_taken_as_steps() -> None:
    series = make({"t": hours(0, 1, 5, 7, 20), "y": list("12345")})
    assert series.frequency is None
    assert "irregular" in series.notes[0]
    assert target(series) == [1.0, 2.0, 3.0, 4.0, 5.0]


def test_a_given_frequency_is_kept() -> None:
    series = make({"t": hours(0, 2, 4), "y": list("135")}, frequency=HOUR)
    assert target(series) == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert make({"t": hours(0), "y": ["1"]}, frequency=HOUR).frequency == HOUR


def test_targets_come_first_in_the_order_of_the_task() -> None:
    columns = (
        Column(name="b", kind="number", role="target"),
        Column(name="p", kind="number", role="past"),
        Column(name="t", kind="time", role="time"),
        Column(name="a", kind="number", role="target"),
    )
    task = Task(kind="forecast", targets=(Target(name="a"), Target(name="b")), horizon=1)
    table = Table({"t": days(0, 1), "a": ["1", "2"], "b": ["3", "4"], "p": ["5", "6"]})
    found = series_set(Schema(columns=columns, task=task), table)
    assert found.tensors["numbers"].tolist() == [[1.0, 3.0, 5.0], [2.0, 4.0, 6.0]]


OTHERS: tuple[tuple[str, Kind, Role], ...] = (
    ("w", "text", "past"),
    ("f", "number", "future"),
    ("h", "flag", "future"),
    ("s", "number", "static"),
)
MIXED = {
    "t": days(0, 1, 3, 4, 5),
    "y": ["1", "2", "4", "", ""],
    "w": ["sun", "", "rain", "", ""],
    "f": ["10", "", "40", "50", "60"],
    "h": ["yes", "no", "yes", "no", ""],
    "s": ["", "7", "7", "", "7"],
}


def test_covariates_are_filled_each_in_its_way() -> None:
    series = make(MIXED, *OTHERS)
    assert series.tensors["numbers"].tolist() == [[1, 10, 1], [2, 20, 0], [3, 30, 0], [4, 40, 1]]
    assert series.tensors["texts"][:, 0].tolist() == ["sun", "sun", "sun", "rain"]
    assert series.tensors["future_numbers"].tolist() == [[10, 1], [20, 0], [30, 0], [40, 1]]
    assert series.tensors["static_numbers"].tolist() == [[7]]
    assert "1 missing values of w are filled with the one before" in series.notes


def test_rows_after_the_last_target_are_kept_for_what_is_known_of_the_future() -> None:
    series = make(MIXED, *OTHERS, keep_future=True)
    assert series.known.tolist() == [4]
    assert series.offsets.tolist() == [0, 6]
    assert series.tensors["future_numbers"][:, 0].tolist() == [10, 20, 30, 40, 50, 60]
    assert np.isnan(series.tensors["numbers"][4:, 0]).all()
    series.require_history(4)
    with pytest.raises(DataError, match="at least 5 steps of history for the model, got 4 in the series"):
        series.require_history(5)


def test_a_static_column_must_not_change() -> None:
    with pytest.raises(DataError, match=r"static column 's' per series, got 7\.0 and 8\.0 at row 2 of t\.csv"):
        make({"t": days(0, 1), "y": ["1", "2"], "s": ["7", "8"]}, ("s", "number", "static"))


def test_a_row_without_a_time_is_named() -> None:
    with pytest.raises(DataError, match=r"a time in column 't', got none at row 2 of t\.csv"):
        make({"t": ["2020-01-01", ""], "y": ["1", "2"]})


def test_missing_columns_are_named_at_once() -> None:
    with pytest.raises(DataError, match=r"columns 't', 'y' in t\.csv"):
        make({"Y": ["1"]})


def test_other_times_keep_their_missing_value() -> None:
    series = make({"t": days(0, 1), "y": ["1", "2"], "seen": ["", "2020-01-01"]}, ("seen", "time", "past"))
    assert series.tensors["times"][0, 1] == MISSING_TIME
