"""The stamps that follow: fixed steps, months that keep their day, business days."""

from __future__ import annotations

import itertools
from calendar import monthrange
from datetime import datetime, timedelta

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambidex.schema import Frequency
from ambidex.schema.frequency import EPOCH
from ambidex.schema.parse import to_microseconds

MONTH = Frequency(unit="month", count=1)
BUSINESS = Frequency(unit="business", count=1)
MOMENTS = st.datetimes(datetime(1800, 1, 1), datetime(2200, 1, 1))


def following(frequency: Frequency, last: datetime, steps: int) -> list[datetime]:
    return [EPOCH + timedelta(microseconds=us) for us in frequency.following(to_microseconds(last), steps)]


@given(MOMENTS, st.integers(1, 10**12), st.integers(0, 5))
def test_a_fixed_step_is_added_again_and_again(last: datetime, count: int, steps: int) -> None:
    expected = [last + timedelta(microseconds=count * k) for k in range(1, steps + 1)]
    assert following(Frequency(unit="microsecond", count=count), last, steps) == expected


@pytest.mark.parametrize(
    ("last", "count", "expected"),
    [
        ("2023-01-15", 1, ["2023-02-15", "2023-03-15", "2023-04-15"]),
        ("2023-01-31", 1, ["2023-02-28", "2023-03-31", "2023-04-30"]),
        ("2023-11-30", 1, ["2023-12-31", "2024-01-31", "2024-02-29"]),
        ("2024-01-30", 1, ["2024-02-29", "2024-03-30", "2024-04-30"]),
        ("2023-12-31", 3, ["2024-03-31", "2024-06-30", "2024-09-30"]),
        ("1969-11-30", 12, ["1970-11-30", "1971-11-30", "1972-11-30"]),
        ("2023-02-28T06:00", 1, ["2023-03-31T06:00", "2023-04-30T06:00", "2023-05-31T06:00"]),
    ],
)
def test_months_keep_their_day_and_month_ends_stay_month_ends(last: str, count: int, expected: list[str]) -> None:
    found = following(Frequency(unit="month", count=count), datetime.fromisoformat(last), 3)
    assert found == [datetime.fromisoformat(each) for each in expected]


@given(MOMENTS, st.integers(1, 30))
def test_months_follow_one_by_one_at_the_same_time_of_day(last: datetime, steps: int) -> None:
    found = following(MONTH, last, steps)
    months = [moment.year * 12 + moment.month for moment in [last, *found]]
    assert [later - earlier for earlier, later in itertools.pairwise(months)] == [1] * steps
    assert {moment.time() for moment in found} == {last.time()}
    if last.day == monthrange(last.year, last.month)[1]:
        assert all(moment.day == monthrange(moment.year, moment.month)[1] for moment in found)


@given(MOMENTS, st.integers(1, 3), st.integers(1, 20))
def test_business_days_are_counted_as_numpy_counts_them(last: datetime, count: int, steps: int) -> None:
    found = following(Frequency(unit="business", count=count), last, steps)
    day = np.datetime64(last.date())
    # From a weekend the first business day ahead is one step, as it is from a Friday.
    offsets = count * np.arange(1, steps + 1)
    expected = np.busday_offset(day, offsets, roll="backward")
    assert [np.datetime64(moment.date()) for moment in found] == expected.tolist()
    assert {moment.time() for moment in found} == {last.time()}


def test_no_step_is_asked_for_and_none_comes() -> None:
    assert [frequency.following(0, 0) for frequency in (MONTH, BUSINESS)] == [[], []]


def test_a_frequency_survives_json() -> None:
    assert msgspec.json.decode(msgspec.json.encode(MONTH), type=Frequency) == MONTH
