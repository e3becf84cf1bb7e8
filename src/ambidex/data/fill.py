"""Fills missing values between known ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ambidex.data.encode import missing_mask
from ambidex.schema import Column


def fill_column(column: Column, values: NDArray[Any], stamps: NDArray[np.int64]) -> None:
    """Fills one series' column (T,) in place: numbers on a straight line in time, all else with the value before.

    What lies before the first known value, and for numbers after the last, stays missing.
    """
    missing = missing_mask(values)
    present = np.flatnonzero(~missing)
    if not len(present) or len(present) == len(values):
        return
    if column.kind == "number":
        first, last = int(present[0]), int(present[-1])
        inner = np.flatnonzero(missing[first : last + 1]) + first
        origin = stamps[first]  # differences keep float64 exact to the microsecond
        values[inner] = np.interp(stamps[inner] - origin, stamps[present] - origin, values[present])
        return
    before = np.maximum.accumulate(np.where(missing, -1, np.arange(len(values))))
    holes = np.flatnonzero(missing & (before >= 0))
    values[holes] = values[before[holes]]
