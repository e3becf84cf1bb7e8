"""The step of a series, and the stamps that follow its last one."""

from __future__ import annotations

from calendar import monthrange
from datetime import datetime, timedelta
from typing import Literal

import msgspec

EPOCH = datetime(1970, 1, 1)
DAY_US = 86_400_000_000


class Frequency(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far apart two stamps are: `count` units.

    `microsecond` covers every fixed step; `month` keeps the day of the month (clamped, so month ends stay month
    ends); `business` counts Monday to Friday.
    """

    unit: Literal["microsecond", "month", "business"]
    count: int

    def following(self, last_us: int, steps: int) -> list[int]:
        """The `steps` stamps after `last_us`, in microseconds since 1970."""
        if self.unit == "microsecond":
            return [last_us + self.count * k for k in range(1, steps + 1)]
        if self.unit == "month":
            return [_add_months(last_us, self.count * k) for k in range(1, steps + 1)]
        return _business_days(last_us, self.count, steps)


def _add_months(stamp_us: int, months: int) -> int:
    stamp = EPOCH + timedelta(microseconds=stamp_us)
    at_month_end = stamp.day == monthrange(stamp.year, stamp.month)[1]
    index = stamp.year * 12 + stamp.month - 1 + months
    year, month = divmod(index, 12)
    last_day = monthrange(year, month + 1)[1]
    day = last_day if at_month_end else min(stamp.day, last_day)
    moved = stamp.replace(year=year, month=month + 1, day=day)
    return (moved - EPOCH) // timedelta(microseconds=1)


def _business_days(stamp_us: int, count: int, steps: int) -> list[int]:
    stamps: list[int] = []
    remaining = count
    while len(stamps) < steps:
        stamp_us += DAY_US
        if (stamp_us // DAY_US + 3) % 7 < 5:  # 1970-01-01 was a Thursday: weekday 3
            remaining -= 1
            if remaining == 0:
                stamps.append(stamp_us)
                remaining = count
    return stamps
