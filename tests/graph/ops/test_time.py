"""Calendar arithmetic agrees with Python's own, long before 1970 and long after."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.graph.ops.running import run

from ambidex.graph.ops.time import DAY_US, HOUR_US, MISSING_TIME, PARTS, civil, days_before_year

EPOCH = datetime(1970, 1, 1)
MICROSECOND = timedelta(microseconds=1)


def stamp(moment: datetime) -> int:
    return (moment - EPOCH) // MICROSECOND


def parts_of(moment: datetime) -> list[float]:
    """What `calendar` gives, from Python's calendar."""
    return [
        moment.year, moment.month, moment.day, moment.weekday(), moment.hour, moment.minute,
        moment.timetuple().tm_yday, (moment - EPOCH) / timedelta(days=1),
    ]  # fmt: skip


def assert_agrees(moments: list[datetime]) -> None:
    found = run("calendar", np.array([[stamp(moment)] for moment in moments]), parts=list(PARTS))
    expected = np.array([parts_of(moment) for moment in moments])
    assert np.array_equal(found[:, :-1], expected[:, :-1])
    assert found[:, -1] == pytest.approx(expected[:, -1], rel=1e-15, abs=1e-12)


def test_thousands_of_moments_over_ten_thousand_years(rng: np.random.Generator) -> None:
    first, last = stamp(datetime(1, 1, 1)), stamp(datetime(9999, 12, 31, 23, 59, 59))
    assert_agrees([EPOCH + int(us) * MICROSECOND for us in rng.integers(first, last, 5000)])


def test_every_day_around_leap_years_and_the_turn_of_centuries() -> None:
    firsts = [datetime(year, 2, 25) for year in (4, 1600, 1700, 1896, 1900, 1968, 1970, 2000, 2023, 2024, 2100)]
    ends = [datetime(year, 12, 28) for year in (3, 1599, 1699, 1899, 1969, 1999, 2023, 2024)]
    assert_agrees([start + timedelta(days=day, hours=day) for start in firsts + ends for day in range(9)])


@given(st.datetimes())
def test_any_moment(moment: datetime) -> None:
    assert_agrees([moment])


@given(st.integers(-3_000_000, 3_000_000))
def test_days_and_civil_dates_are_inverse(day: int) -> None:
    year, month, number = civil(np.array([day]))
    january = civil(days_before_year(year))
    assert [part.tolist() for part in january] == [year.tolist(), [1], [1]]
    assert 1 <= int(month[0]) <= 12
    assert 0 <= day - int(days_before_year(year)[0]) < 366
    assert 1 <= int(number[0]) <= 31


def test_a_missing_time_has_no_parts() -> None:
    found = run("calendar", [[MISSING_TIME, stamp(datetime(1969, 12, 31, 23, 59))]], parts=["year", "minute"])
    assert [math.isnan(part) for part in found[0]] == [True, True, False, False]
    assert found[0, 2:].tolist() == [1969, 59]


def test_parts_of_a_column_stand_side_by_side() -> None:
    moments = [[stamp(datetime(2024, 2, 29, 7)), stamp(datetime(1969, 7, 20, 20, 17))]]
    assert run("calendar", moments, parts=["day", "hour"]).tolist() == [[29, 7, 20, 20]]


def test_the_future_follows_at_a_fixed_step() -> None:
    found = run("future_times", [[[5], [-7]]], horizon=3, step_us=10)
    assert found.tolist() == [[[3], [13], [23]]]


def test_a_cycle_repeats_before_and_after_1970() -> None:
    table = [[float(phase), -float(phase)] for phase in range(24)]
    hours = np.arange(-50, 50)
    found = run("cycle", hours[None, :, None] * HOUR_US + 7, step_us=HOUR_US, table=table)
    assert found.shape == (1, 100, 2)
    assert found[0, :, 0].tolist() == (hours % 24).tolist()
    assert found[0, :, 1].tolist() == (-(hours % 24)).tolist()


def test_a_wave_goes_round_in_its_period() -> None:
    found = run("wave", [[6.0, 7.0], [18.0, 3.5]], period=[24.0, 7.0])
    assert found == pytest.approx(np.array([[1, 0, 0, 1], [-1, 0, 0, -1]]), abs=1e-12)


def test_a_day_has_as_many_microseconds_as_python_says() -> None:
    assert timedelta(days=1) // MICROSECOND == DAY_US
