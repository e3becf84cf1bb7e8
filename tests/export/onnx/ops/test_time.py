from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest
from tests.export.onnx.edition import Array, assert_same, load, one_of, one_op, run, value
from tests.tolerances import SAME_FLOAT64

from ambidex.export.onnx import export_onnx
from ambidex.graph import predict
from ambidex.graph.ops.time import DAY_US, MISSING_TIME, PARTS

EPOCH = datetime(1970, 1, 1)
DATES = [
    "0001-01-01", "1600-02-29", "1899-12-31 23:59:59.999999", "1900-02-28", "1900-03-01", "1969-12-31 23:59:59.999999",
    "1970-01-01", "1970-01-01 00:00:00.000001", "1972-02-29 12:30", "1999-12-31", "2000-02-29 06:07:08", "2000-03-01",
    "2023-12-31", "2024-02-29 23:59:59", "2024-12-31", "2100-02-28", "2100-03-01", "9999-12-31 23:59:59.999999",
]  # fmt: skip
# Also stamps no date of Python's can hold: before year 0 and after year 9999.
STAMPS = [
    *(int((datetime.fromisoformat(text) - EPOCH).total_seconds() // 1) * 1_000_000 for text in DATES),
    MISSING_TIME,
    -(2**62),
    2**62,
    -DAY_US,
    -1,
]


@pytest.mark.parametrize("parts", [*((part,) for part in PARTS), PARTS, ("day", "year")])
@pytest.mark.parametrize("shape", [("B", 1), ("B", 2), ("B", "T", 1), ("B", "T", 2)])
def test_calendar_parts_are_exact(
    parts: tuple[str, ...], shape: tuple[int | str, ...], rng: np.random.Generator
) -> None:
    assert_same(one_op("calendar", value("x", "int64", *shape), parts=parts), one_of(STAMPS), rng, 0)


def test_every_day_of_eight_centuries_is_exact() -> None:
    graph = one_op("calendar", value("x", "int64", "B", 1), parts=PARTS)
    days = np.arange(-146097, 146097 + 1, dtype=np.int64)[:, None] * DAY_US + 3_600_000_001
    got = run(load(export_onnx(graph, {}, metadata={})), {"x": days})["answer"]
    np.testing.assert_array_equal(got, predict(graph, {"x": days}, {})["answer"])


def test_stamps_go_on_after_the_last_one(rng: np.random.Generator) -> None:
    graph = one_op("future_times", value("x", "int64", "B", "T", 1), horizon=4, step_us=3_600_000_000)
    assert_same(graph, one_of(STAMPS[:-5]), rng, 0)


@pytest.mark.parametrize("columns", [1, 2])
def test_a_cycle_repeats_before_1970_too(columns: int, rng: np.random.Generator) -> None:
    table = tuple((float(k), -k / 3) for k in range(7))
    graph = one_op("cycle", value("x", "int64", "B", "T", columns), step_us=DAY_US, table=table)
    assert_same(graph, one_of(STAMPS), rng, 0)


def test_waves_keep_their_digits_far_out(rng: np.random.Generator) -> None:
    def far(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return np.where(rng.random(shape) < 0.1, np.nan, rng.uniform(-30_000, 30_000, shape))

    graph = one_op("wave", value("x", "float64", "B", 3), period=(24.0, 7.0, 365.2425))
    assert_same(graph, far, rng, SAME_FLOAT64)
    assert_same(one_op("wave", value("x", "float64", "B", "T", 1), period=(12.0,)), far, rng, SAME_FLOAT64)
