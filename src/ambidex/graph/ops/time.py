"""Calendar arithmetic on int64 microseconds since 1970, in the proleptic Gregorian calendar without zones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from ambidex.graph.graph import Dtype, Value
from ambidex.graph.op import Array, Attrs, Op, Shape, per_column, width

MISSING_TIME = -(2**63)
SECOND_US = 1_000_000
HOUR_US = 3600 * SECOND_US
DAY_US = 24 * HOUR_US

PARTS: tuple[str, ...] = (
    "year", "month", "day", "weekday", "hour", "minute", "day_of_year", "days_since_epoch"
)  # fmt: skip
"""`weekday`: Monday is 0. `day_of_year`: January 1st is 1. `days_since_epoch` keeps the fraction of the day."""

Ints = npt.NDArray[np.int64]


class Calendar(Attrs, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which parts to take of each stamp."""

    parts: tuple[str, ...]


class FutureTimes(Attrs, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`horizon` stamps at a fixed `step_us` after the last one of a history."""

    horizon: int
    step_us: int


class Cycle(Attrs, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table (phases, F) of values that repeat: the phase of a stamp is (stamp // step_us) modulo the phases."""

    step_us: int
    table: tuple[tuple[float, ...], ...]


class Wave(Attrs, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `period` of each column: 24 for hours, 7 for weekdays."""

    period: tuple[float, ...]


def civil(days: Ints) -> tuple[Ints, Ints, Ints]:
    """Year, month and day of a number of days since 1970, in integer arithmetic.

    The years are counted from March, so that the leap day ends one: 400 years are 146097 days, and months 0-4, 5-9
    and 10-11 from March on have lengths that (153 m + 2) // 5 adds up (Hinnant, "chrono-compatible low-level date
    algorithms").
    """
    shifted = days + 719468
    era = shifted // 146097
    day_of_era = shifted - era * 146097
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    from_march = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * from_march + 2) // 5 + 1
    month = from_march + np.where(from_march < 10, 3, -9)
    year = year_of_era + era * 400 + (month <= 2)
    return year, month, day


def days_before_year(year: Ints) -> Ints:
    """Days since 1970 of January 1st of a year."""
    past = year - 1
    return np.asarray(365 * past + past // 4 - past // 100 + past // 400 - 719162)


def _calendar_part(stamps: Ints, part: str) -> Array:
    days = stamps // DAY_US
    in_day = stamps - days * DAY_US
    if part == "hour":
        return in_day // HOUR_US
    if part == "minute":
        return (in_day // (60 * SECOND_US)) % 60
    if part == "weekday":
        return (days + 3) % 7
    if part == "days_since_epoch":
        return np.asarray(days + in_day / DAY_US)
    year, month, day = civil(days)
    if part == "day_of_year":
        return np.asarray(days - days_before_year(year) + 1)
    return {"year": year, "month": month, "day": day}[part]


def _infer_calendar(inputs: Sequence[Value], attrs: Calendar) -> tuple[Dtype, Shape]:
    unknown = set(attrs.parts) - set(PARTS)
    if unknown:
        raise ValueError(f"Expected calendar parts among {', '.join(PARTS)}, got {', '.join(sorted(unknown))}.")
    return "float64", (*inputs[0].shape[:-1], width(inputs[0]) * len(attrs.parts))


def _run_calendar(inputs: Sequence[Array], attrs: Calendar, weights: Mapping[str, Array]) -> Array:
    """(…, k) stamps to (…, k · parts) float64, the parts of a column side by side; NaN where a stamp is missing."""
    stamps = inputs[0]
    is_missing = stamps == MISSING_TIME
    safe = np.where(is_missing, 0, stamps)
    parts = [np.where(is_missing, np.nan, _calendar_part(safe, part)) for part in attrs.parts]
    stacked = np.stack(parts, axis=-1)  # (…, k, parts)
    return np.asarray(stacked.reshape(*stamps.shape[:-1], -1))


def _infer_future_times(inputs: Sequence[Value], attrs: FutureTimes) -> tuple[Dtype, Shape]:
    return "int64", (inputs[0].shape[0], attrs.horizon, inputs[0].shape[2])


def _run_future_times(inputs: Sequence[Array], attrs: FutureTimes, weights: Mapping[str, Array]) -> Array:
    """(B, T, k) stamps to the (B, H, k) that follow."""
    ahead = attrs.step_us * np.arange(1, attrs.horizon + 1, dtype=np.int64)
    return np.asarray(inputs[0][:, -1:] + ahead[:, None])


def _infer_cycle(inputs: Sequence[Value], attrs: Cycle) -> tuple[Dtype, Shape]:
    return "float64", (*inputs[0].shape[:-1], len(attrs.table[0]))


def _run_cycle(inputs: Sequence[Array], attrs: Cycle, weights: Mapping[str, Array]) -> Array:
    """(B, T, 1) stamps to (B, T, F): the table's row of each stamp's phase."""
    phase = (inputs[0][..., 0] // attrs.step_us) % len(attrs.table)
    return np.asarray(np.asarray(attrs.table, dtype=np.float64)[phase])


def _infer_wave(inputs: Sequence[Value], attrs: Wave) -> tuple[Dtype, Shape]:
    per_column("period")(inputs, attrs)
    return inputs[0].dtype, (*inputs[0].shape[:-1], width(inputs[0]) * 2)


def _run_wave(inputs: Sequence[Array], attrs: Wave, weights: Mapping[str, Array]) -> Array:
    """(…, n) to (…, 2n): sine of each column's phase, then the cosines."""
    angle = inputs[0] * (2 * np.pi / np.asarray(attrs.period, dtype=inputs[0].dtype))
    return np.concatenate([np.sin(angle), np.cos(angle)], axis=-1)


TIMES: tuple[Op, ...] = (
    Op(name="calendar", attrs=Calendar, run=_run_calendar, infer=_infer_calendar),
    Op(name="future_times", attrs=FutureTimes, run=_run_future_times, infer=_infer_future_times),
    Op(name="cycle", attrs=Cycle, run=_run_cycle, infer=_infer_cycle),
    Op(name="wave", attrs=Wave, run=_run_wave, infer=_infer_wave),
)
