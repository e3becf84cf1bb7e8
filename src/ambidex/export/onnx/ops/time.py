"""Calendar arithmetic, exact before 1970 too: ONNX's Div cuts towards zero where Python's // rounds down."""

from __future__ import annotations

import numpy as np

from ambidex.export.onnx.context import Call, Context, Emitter, cast, cut, join
from ambidex.graph.ops.time import DAY_US, HOUR_US, MISSING_TIME, SECOND_US


class _Whole:
    """Arithmetic of whole numbers in float64; what was computed once is not written again.

    Every number here stays below 2^52, where a float64 holds it exactly and a rounded quotient never reaches the next
    whole number, so that `floor` is exact. It is an order of magnitude faster than int64 division.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._known: dict[tuple[object, ...], str] = {}

    def _apply(self, op: str, x: str, other: str | float) -> str:
        key = (op, x, other)
        if key not in self._known:
            right = other if isinstance(other, str) else self._context.number(other, "float64")
            self._known[key] = self._context.add(op, x, right)
        return self._known[key]

    def add(self, x: str, other: str | float) -> str:
        return self._apply("Add", x, other)

    def subtract(self, x: str, other: str | float) -> str:
        return self._apply("Sub", x, other)

    def times(self, x: str, factor: float) -> str:
        return self._apply("Mul", x, factor)

    def divide(self, x: str, divisor: float) -> str:
        return self._apply("Div", x, divisor)

    def floor(self, x: str, divisor: float) -> str:
        """The quotient rounded down, below zero too."""
        quotient = self.divide(x, divisor)
        key = ("Floor", quotient)
        if key not in self._known:
            self._known[key] = self._context.add("Floor", quotient)
        return self._known[key]

    def rest(self, x: str, divisor: float) -> str:
        """What `floor` leaves over, from 0 to the divisor."""
        return self.subtract(x, self.times(self.floor(x, divisor), divisor))


class _Calendar:
    """The parts of a tensor of stamps as float64, following `graph.ops.time` line by line.

    Only the day is found in int64, since a stamp may exceed 2^53. Mod with fmod=0 has the sign of its divisor, as in
    Python, and what it leaves can be divided without a rest. NaN stands for a missing stamp and stays NaN.
    """

    def __init__(self, context: Context, stamps: str) -> None:
        self._whole = _Whole(context)
        missing, day = context.number(np.nan, "float64"), context.number(DAY_US, "int64")
        is_missing = context.add("Equal", stamps, context.number(MISSING_TIME, "int64"))
        safe = context.add("Where", is_missing, context.number(0, "int64"), stamps)
        in_day = context.add("Mod", safe, day)
        days = context.add("Div", context.add("Sub", safe, in_day), day)
        self._in_day = context.add("Where", is_missing, missing, cast(context, in_day, "float64"))
        self._days = context.add("Where", is_missing, missing, cast(context, days, "float64"))

    def part(self, part: str) -> str:
        """One part in the shape of the stamps."""
        n = self._whole
        if part == "days_since_epoch":
            return n.add(self._days, n.divide(self._in_day, DAY_US))
        if part == "hour":
            return n.floor(self._in_day, HOUR_US)
        if part == "minute":
            return n.rest(n.floor(self._in_day, 60 * SECOND_US), 60)
        if part == "weekday":
            return n.rest(n.add(self._days, 3), 7)
        if part == "day_of_year":
            return self._day_of_year()
        year, month, day = self._civil()
        return {"year": year, "month": month, "day": day}[part]

    def _civil(self) -> tuple[str, str, str]:
        """Year, month and day; see `graph.ops.time.civil`."""
        n = self._whole
        shifted = n.add(self._days, 719468)
        era = n.floor(shifted, 146097)
        day_of_era = n.rest(shifted, 146097)
        year_of_era = self._year_of_era(day_of_era)
        leap_days = n.subtract(n.floor(year_of_era, 4), n.floor(year_of_era, 100))
        day_of_year = n.subtract(day_of_era, n.add(n.times(year_of_era, 365), leap_days))
        from_march = n.floor(n.add(n.times(day_of_year, 5), 2), 153)
        month_start = n.floor(n.add(n.times(from_march, 153), 2), 5)
        day = n.add(n.subtract(day_of_year, month_start), 1)
        is_next_year = n.floor(from_march, 10)  # 1 for January and February, the end of a year that starts in March
        month = n.subtract(n.add(from_march, 3), n.times(is_next_year, 12))
        year = n.add(n.add(year_of_era, n.times(era, 400)), is_next_year)
        return year, month, day

    def _year_of_era(self, day_of_era: str) -> str:
        n = self._whole
        without_leap_days = n.add(n.subtract(day_of_era, n.floor(day_of_era, 1460)), n.floor(day_of_era, 36524))
        return n.floor(n.subtract(without_leap_days, n.floor(day_of_era, 146096)), 365)

    def _day_of_year(self) -> str:
        """Days since January 1st, which is 1; see `graph.ops.time.days_before_year`."""
        n = self._whole
        past = n.subtract(self._civil()[0], 1)
        leap_days = n.add(n.subtract(n.floor(past, 4), n.floor(past, 100)), n.floor(past, 400))
        before = n.subtract(n.add(n.times(past, 365), leap_days), 719162)
        return n.add(n.subtract(self._days, before), 1)


def _calendar(context: Context, call: Call) -> str:
    """(…, k) stamps to (…, k · parts), the parts of a column side by side; NaN where a stamp is missing.

    A single column loses its axis on the way: onnxruntime meets a constant with a tensor whose last axis is one
    element by element, which is twenty times slower.
    """
    last = context.integers(-1)
    shape = call.values[0].shape
    is_single = shape[-1] == 1
    calendar = _Calendar(context, context.add("Squeeze", call.x, last) if is_single else call.x)
    parts = [calendar.part(part) for part in call.attrs.parts]
    if len(parts) == 1 and not is_single:
        return parts[0]
    beside = join(context, [context.add("Unsqueeze", part, last) for part in parts])  # (…, parts) or (…, k, parts)
    if is_single:
        return beside
    return context.add("Reshape", beside, context.integers(*(0 for _ in shape[:-1]), int(shape[-1]) * len(parts)))


def _future_times(context: Context, call: Call) -> str:
    ahead = call.attrs.step_us * np.arange(1, call.attrs.horizon + 1, dtype=np.int64)
    return context.add("Add", cut(context, call.x, 1, -1, None), context.constant(ahead[:, None]))


def _cycle(context: Context, call: Call) -> str:
    """The phase (x // step) mod n is (x mod (step · n)) // step, in which nothing is negative or overflows."""
    step = call.attrs.step_us
    first = context.add("Gather", call.x, context.number(0, "int64"), attributes={"axis": -1})
    rest = context.add("Mod", first, context.number(step * len(call.attrs.table), "int64"))
    phase = context.add("Div", rest, context.number(step, "int64"))
    return context.add("Gather", context.constant(np.asarray(call.attrs.table, dtype=np.float64)), phase)


def _wave(context: Context, call: Call) -> str:
    """The sine beside the cosine, which is 1 - 2 sin²(x / 2): Cos has no float64 kernel in onnxruntime 1.20."""
    factor = 2 * np.pi / np.asarray(call.attrs.period, dtype=call.dtype)
    angle = context.add("Mul", call.x, context.constant(factor))
    half = context.add("Sin", context.add("Mul", angle, context.number(0.5, call.dtype)))
    doubled = context.add("Mul", context.add("Mul", half, half), context.number(2, call.dtype))
    cosine = context.add("Sub", context.number(1, call.dtype), doubled)
    return context.add("Concat", context.add("Sin", angle), cosine, attributes={"axis": -1})


TIMES: dict[str, Emitter] = {
    "calendar": _calendar,
    "future_times": _future_times,
    "cycle": _cycle,
    "wave": _wave,
}
