"""Dates of a table: a position in time, and waves that close."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest

from ambidex.graph import Builder, Value, prepare
from ambidex.graph.op import Array
from ambidex.prep.date import WAVES, add_dates
from ambidex.schema import MISSING_TIME

EPOCH = datetime(1970, 1, 1)


def stamps(*moments: datetime | None) -> Array:
    found = [MISSING_TIME if each is None else (each - EPOCH) // timedelta(microseconds=1) for each in moments]
    return np.array(found, dtype=np.int64)[:, None]


def prepared(sample: Array, rows: Array) -> list[Array]:
    builder = Builder([Value(name="times", dtype="int64", shape=("B", sample.shape[1]))])
    names = add_dates(builder, "times", sample)
    values = prepare(builder.build(prepared=names, raw_outputs=[], outputs={}), {"times": rows})
    return [values[name] for name in names]


SAMPLE = stamps(*(datetime(2020, 1, 1) + timedelta(days=37 * day, hours=day) for day in range(40)))


def test_later_dates_are_larger() -> None:
    position, _ = prepared(SAMPLE, stamps(datetime(1950, 1, 1), datetime(2021, 1, 1), datetime(2060, 1, 1)))
    assert np.all(np.diff(position[:, 0]) > 0)


def test_the_same_moment_of_the_week_and_the_day_has_the_same_waves() -> None:
    monday = datetime(2024, 1, 1, 6)
    _, waves = prepared(SAMPLE, stamps(monday, monday + timedelta(days=7), monday + timedelta(hours=12)))
    count = len(WAVES)
    weekday, hour = 2, 3
    for part in (weekday, hour, count + weekday, count + hour):
        assert waves[0, part] == pytest.approx(waves[1, part], abs=1e-12)
    assert waves[0, hour] == pytest.approx(-waves[2, hour], abs=1e-12)
    assert (waves[0, hour], waves[0, count + hour]) == pytest.approx((1, 0), abs=1e-12)


def test_waves_lie_on_a_circle() -> None:
    _, waves = prepared(SAMPLE, SAMPLE)
    count = waves.shape[1] // 2
    assert count == len(WAVES)
    assert waves[:, :count] ** 2 + waves[:, count:] ** 2 == pytest.approx(np.ones((40, count)), abs=1e-12)


def test_a_missing_date_has_the_median_position_no_waves_and_a_mark() -> None:
    sample = np.concatenate([SAMPLE, stamps(None)])
    position, marks, waves = prepared(sample, stamps(None, datetime(2021, 1, 1)))
    assert position[0, 0] == 0.0
    assert marks.tolist() == [[1.0], [0.0]]
    assert not waves[0].any()
    assert waves[1].any()


def test_several_columns_stand_side_by_side() -> None:
    both = np.concatenate([SAMPLE, SAMPLE[::-1]], axis=1)
    position, waves = prepared(both, both)
    alone, own = prepared(SAMPLE, SAMPLE)
    assert np.array_equal(position[:, :1], alone)
    count = len(WAVES)
    assert np.array_equal(waves[:, :count], own[:, :count])
    assert np.array_equal(waves[:, 2 * count : 3 * count], own[:, count:])
