"""Calendar arithmetic in int64.

ONNX's Div cuts towards zero, Python's // rounds down. Mod with fmod=0 has the sign of its divisor, so it is the same
in both, and (x - x mod d) / d rounds down everywhere. Where a number cannot be negative, Div alone does.
"""

from __future__ import annotations

import numpy as np

from ambidex.export.onnx.context import Call, Context, Emitter, cast, cut
from ambidex.graph.ops.time import DAY_US, HOUR_US, MISSING_TIME, SECOND_US


class _Integers:
    """Integer arithmetic on tensors with constants; what was computed once is not written again."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._known: dict[tuple[object, ...], str] = {}

    def apply(self, op: str, x: str, other: str | int) -> str:
        """`x op other` where `other` is a tensor or a number."""
        key = (op, x, other)
        if key not in self._known:
            right = other if isinstance(other, str) else self._context.number(other, "int64")
            self._known[key] = self._context.add(op, x, right)
        return self._known[key]

    def add(self, x: str, other: str | int) -> str:
        return self.apply("Add", x, other)

    def subtract(self, x: str, other: str | int) -> str:
        return self.apply("Sub", x, other)

    def times(self, x: str, factor: int) -> str:
        return self.apply("Mul", x, factor)

    def modulo(self, x: str, divisor: int) -> str:
        return self.apply("Mod", x, divisor)

    def cut(self, x: str, divisor: int) -> str:
        """The quotient of an x that is not negative."""
        return self.apply("Div", x, divisor)

    def floor(self, x: str, divisor: int) -> str:
        """The quotient of any x, rounded down."""
        return self.cut(self.subtract(x, self.modulo(x, divisor)), divisor)


class _Calendar:
    """The parts of a tensor of stamps, following `graph.ops.time` line by line."""

    def __init__(self, context: Context, stamps: str) -> None:
        self._context = context
        self._int = _Integers(context)
        self._in_day = self._int.modulo(stamps, DAY_US)
        self._days = self._int.cut(self._int.subtract(stamps, self._in_day), DAY_US)

    def part(self, part: str) -> str:
        """One part as float64, in the shape of the stamps."""
        if part == "days_since_epoch":
            fraction = self._context.add("Div", self._float(self._in_day), self._context.number(DAY_US, "float64"))
            return self._context.add("Add", self._float(self._days), fraction)
        return self._float(self._integer_part(part))

    def _float(self, x: str) -> str:
        return cast(self._context, x, "float64")

    def _integer_part(self, part: str) -> str:
        n = self._int
        if part == "hour":
            return n.cut(self._in_day, HOUR_US)
        if part == "minute":
            return n.modulo(n.cut(self._in_day, 60 * SECOND_US), 60)
        if part == "weekday":
            return n.modulo(n.add(self._days, 3), 7)
        if part == "day_of_year":
            return self._day_of_year()
        year, month, day = self._civil()
        return {"year": year, "month": month, "day": day}[part]

    def _civil(self) -> tuple[str, str, str]:
        """Year, month and day; see `graph.ops.time.civil`. Everything within an era of 400 years is positive."""
        n = self._int
        shifted = n.add(self._days, 719468)
        day_of_era = n.modulo(shifted, 146097)
        era = n.floor(shifted, 146097)
        year_of_era = self._year_of_era(day_of_era)
        days_before = n.subtract(n.add(n.times(year_of_era, 365), n.cut(year_of_era, 4)), n.cut(year_of_era, 100))
        day_of_year = n.subtract(day_of_era, days_before)
        from_march = n.cut(n.add(n.times(day_of_year, 5), 2), 153)
        month_start = n.cut(n.add(n.times(from_march, 153), 2), 5)
        day = n.add(n.subtract(day_of_year, month_start), 1)
        # March is 0 and January 10: (from_march + 2) mod 12 + 1 is from_march + 3 below 10, and - 9 from there.
        month = n.add(n.modulo(n.add(from_march, 2), 12), 1)
        is_next_year = n.cut(from_march, 10)  # 1 for January and February, the end of a year that starts in March
        year = n.add(n.add(year_of_era, n.times(era, 400)), is_next_year)
        return year, month, day

    def _year_of_era(self, day_of_era: str) -> str:
        n = self._int
        leap_days = n.add(n.subtract(day_of_era, n.cut(day_of_era, 1460)), n.cut(day_of_era, 36524))
        return n.cut(n.subtract(leap_days, n.cut(day_of_era, 146096)), 365)

    def _day_of_year(self) -> str:
        """Days since January 1st, which is 1; see `graph.ops.time.days_before_year`."""
        n = self._int
        past = n.subtract(self._civil()[0], 1)
        leap_days = n.add(n.subtract(n.floor(past, 4), n.floor(past, 100)), n.floor(past, 400))
        before = n.subtract(n.add(n.times(past, 365), leap_days), 719162)
        return n.add(n.subtract(self._days, before), 1)


def _calendar(context: Context, call: Call) -> str:
    """(…, k) stamps to (…, k · parts), the parts of a column side by side; NaN where a stamp is missing."""
    is_missing = context.add("Equal", call.x, context.number(MISSING_TIME, "int64"))
    safe = context.add("Where", is_missing, context.number(0, "int64"), call.x)
    calendar = _Calendar(context, safe)
    parts = [calendar.part(part) for part in call.attrs.parts]
    missing = context.number(np.nan, "float64")
    shape = call.values[0].shape
    if shape[-1] == 1 or len(parts) == 1:
        beside = parts[0] if len(parts) == 1 else context.add("Concat", *parts, attributes={"axis": -1})
        return context.add("Where", is_missing, missing, beside)
    last = context.integers(-1)
    stacked = context.add("Concat", *(context.add("Unsqueeze", part, last) for part in parts), attributes={"axis": -1})
    masked = context.add("Where", context.add("Unsqueeze", is_missing, last), missing, stacked)  # (…, k, parts)
    width = int(shape[-1]) * len(parts)
    return context.add("Reshape", masked, context.integers(*(0 for _ in shape[:-1]), width))


def _future_times(context: Context, call: Call) -> str:
    ahead = call.attrs.step_us * np.arange(1, call.attrs.horizon + 1, dtype=np.int64)
    return context.add("Add", cut(context, call.x, 1, -1, None), context.constant(ahead[:, None]))


def _cycle(context: Context, call: Call) -> str:
    """The phase (x // step) mod n is (x mod (step · n)) // step, in which nothing is negative or overflows."""
    n = _Integers(context)
    first = context.add("Gather", call.x, context.number(0, "int64"), attributes={"axis": -1})
    phase = n.cut(n.modulo(first, call.attrs.step_us * len(call.attrs.table)), call.attrs.step_us)
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
