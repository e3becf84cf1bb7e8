"""The step of time stamps, and the stamps that are missing between them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ambidex.schema import Frequency
from ambidex.schema.frequency import DAY_US

Stamps = NDArray[np.int64]
MIN_SHARE = 0.5
"""A step that fewer than half of the neighbours keep is no frequency."""


def infer_frequency(stamps: Stamps, offsets: Stamps) -> tuple[Frequency | None, str]:
    """The commonest step of sorted, distinct stamps (N,) within series `offsets` (S + 1,), and how it was found.

    None where no step is common enough (or there is no pair of stamps); the reason then says so.
    """
    steps = _steps(stamps, offsets)
    if not len(steps):
        return None, "no series has two stamps"
    months = _month_steps(stamps, offsets)
    if months is not None:
        count, share = _commonest(months)
        return Frequency(unit="month", count=count), f"every {_many(count, 'month')} ({share:.1%} of the steps)"
    count, share = _commonest(steps)
    if count == DAY_US and _is_business(stamps, steps):
        return Frequency(unit="business", count=1), "Monday to Friday"
    if share < MIN_SHARE:
        return None, f"irregular: the commonest step, {describe_step(count)}, is only {share:.1%} of the steps"
    return Frequency(unit="microsecond", count=count), f"every {describe_step(count)} ({share:.1%} of the steps)"


def _steps(stamps: Stamps, offsets: Stamps) -> Stamps:
    """Differences of neighbours, without those from one series to the next."""
    if len(stamps) < 2:
        return np.empty(0, dtype=np.int64)
    inside = np.ones(len(stamps) - 1, dtype=bool)
    inside[offsets[1:-1] - 1] = False
    steps: Stamps = np.diff(stamps)[inside]
    return steps


def _commonest(steps: Stamps) -> tuple[int, float]:
    values, counts = np.unique(steps, return_counts=True)
    best = int(np.argmax(counts))
    return int(values[best]), float(counts[best] / len(steps))


def month_numbers(stamps: Stamps) -> Stamps:
    """Months since January 1970."""
    months: Stamps = stamps.astype("datetime64[us]").astype("datetime64[M]").astype(np.int64)
    return months


def _month_steps(stamps: Stamps, offsets: Stamps) -> Stamps | None:
    """Steps in months where every stamp is on the same day of the month (or its last) at the same time of day."""
    moments = stamps.astype("datetime64[us]")
    days = moments.astype("datetime64[D]")
    months = moments.astype("datetime64[M]")
    day = (days - months.astype("datetime64[D]")).astype(np.int64)
    next_month = (months + 1).astype("datetime64[D]")
    is_last = days + 1 == next_month
    same_clock = len(np.unique(stamps - days.astype("datetime64[us]").astype(np.int64))) == 1
    top = int(day.max())
    same_day = bool(np.all((day == top) | (is_last & (day < top)))) and (top >= 28 or len(np.unique(day)) == 1)
    if not same_clock or not (same_day or bool(is_last.all())):
        return None
    steps = _steps(month_numbers(stamps), offsets)
    return steps if len(steps) and steps.min() >= 1 else None


def _is_business(stamps: Stamps, steps: Stamps) -> bool:
    """Days without Saturdays and Sundays (at most one in a hundred, for the odd working weekend)."""
    weekend = ((stamps // DAY_US) + 3) % 7 >= 5
    return bool(weekend.mean() <= 0.01) and bool((steps == 3 * DAY_US).mean() >= 0.1)


def describe_step(count: int) -> str:
    """A fixed step in its largest whole unit."""
    for unit, size in (("week", 7 * DAY_US), ("day", DAY_US), ("hour", 3_600_000_000), ("minute", 60_000_000)):
        if count % size == 0:
            return _many(count // size, unit)
    return f"{count / 1e6:g} seconds"


def _many(count: int, unit: str) -> str:
    return unit if count == 1 else f"{count} {unit}s"


def missing_steps(stamps: Stamps, offsets: Stamps, frequency: Frequency) -> Stamps:
    """How many steps are missing before each stamp (N,): whole multiples only, none for business days.

    A gap that is no multiple of the step is left as it is: the clock moved, and nobody knows where.
    """
    missing: Stamps = np.zeros(len(stamps), dtype=np.int64)
    if frequency.unit == "business" or len(stamps) < 2:
        return missing
    position = month_numbers(stamps) if frequency.unit == "month" else stamps
    whole, rest = np.divmod(np.diff(position), frequency.count)
    missing[1:] = np.where((rest == 0) & (whole > 1), whole - 1, 0)
    missing[offsets[:-1]] = 0
    return missing


def filled_stamps(stamps: Stamps, missing: Stamps, frequency: Frequency) -> tuple[Stamps, Stamps]:
    """All stamps with the missing ones between, and for each the row it came from (-1: inserted)."""
    total = len(stamps) + int(missing.sum())
    place = np.arange(len(stamps)) + np.cumsum(missing)
    rows = np.full(total, -1, dtype=np.int64)
    rows[place] = np.arange(len(stamps))
    result = np.zeros(total, dtype=np.int64)
    result[place] = stamps
    for row in np.flatnonzero(missing):
        count = int(missing[row])
        start = int(place[row]) - count
        result[start : place[row]] = frequency.following(int(stamps[row - 1]), count)
    return result, rows
