"""Dates of a table: position in time, and in the year, the month, the week and the day."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ambidex.graph import Builder
from ambidex.graph.ops.time import DAY_US, MISSING_TIME
from ambidex.prep.number import add_numbers

WAVES: tuple[tuple[str, float], ...] = (("day_of_year", 365.2425), ("day", 30.436875), ("weekday", 7.0), ("hour", 24.0))
"""Parts that go round, with the length of a round in their own unit (mean Gregorian year and month)."""


def add_dates(builder: Builder, value: str, sample: npt.NDArray[np.int64]) -> list[str]:
    """Adds the steps for times (B, k) fitted on `sample` (N, k); returns float64 values (B, …) to concatenate.

    A missing date has the median position, waves of zero, and an indicator if training had missing ones.
    """
    columns = sample.shape[1]
    days = builder.add("prepare", "days", "calendar", value, parts=["days_since_epoch"])
    known = np.where(sample == MISSING_TIME, np.nan, sample / DAY_US)
    values = add_numbers(builder, days, known, prefix="days_")
    parts = builder.add("prepare", "parts", "calendar", value, parts=[part for part, _ in WAVES])
    waves = builder.add("prepare", "waves", "wave", parts, period=[period for _, period in WAVES] * columns)
    filled = builder.add("prepare", "known_waves", "impute", waves, fill=[0.0] * (2 * len(WAVES) * columns))
    return [*values, filled]
