"""Calendar arithmetic on int64 microseconds since 1970, in TensorFlow."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ambidex.backends.keras._import import plain_tf as tf
from ambidex.backends.keras.plain.call import Call, Entry, Tensor, row
from ambidex.graph.ops.time import DAY_US, HOUR_US, MISSING_TIME, SECOND_US


def _civil(days: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Year, month and day of days since 1970; the arithmetic is explained in `graph.ops.time.civil`."""
    shifted = days + 719468
    era = shifted // 146097
    day_of_era = shifted - era * 146097
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    from_march = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * from_march + 2) // 5 + 1
    month = tf.where(from_march < 10, from_march + 3, from_march - 9)
    year = year_of_era + era * 400 + tf.cast(month <= 2, tf.int64)
    return year, month, day


def _days_before_year(year: Tensor) -> Tensor:
    past = year - 1
    return 365 * past + past // 4 - past // 100 + past // 400 - 719162


def _part(stamps: Tensor, part: str) -> Tensor:
    """One part of the calendar, float64."""
    days = stamps // DAY_US
    in_day = stamps - days * DAY_US
    if part == "days_since_epoch":
        return tf.cast(days, tf.float64) + tf.cast(in_day, tf.float64) / DAY_US
    year, month, day = _civil(days)
    parts = {
        "hour": in_day // HOUR_US,
        "minute": (in_day // (60 * SECOND_US)) % 60,
        "weekday": (days + 3) % 7,
        "day_of_year": days - _days_before_year(year) + 1,
        "year": year,
        "month": month,
        "day": day,
    }
    return tf.cast(parts[part], tf.float64)


def _calendar(inputs: Sequence[Tensor], call: Call) -> Tensor:
    stamps = inputs[0]
    is_missing = tf.equal(stamps, MISSING_TIME)
    safe = tf.where(is_missing, tf.zeros_like(stamps), stamps)
    missing = tf.constant(math.nan, tf.float64)
    parts = tf.stack([tf.where(is_missing, missing, _part(safe, part)) for part in call.attrs.parts], axis=-1)
    width = int(stamps.shape[-1]) * len(call.attrs.parts)
    return tf.reshape(parts, tf.concat([tf.shape(stamps)[:-1], [width]], axis=0))


def _future_times(inputs: Sequence[Tensor], call: Call) -> Tensor:
    ahead = call.attrs.step_us * tf.range(1, call.attrs.horizon + 1, dtype=tf.int64)
    return inputs[0][:, -1:] + ahead[:, None]  # (B, H, k)


def _cycle(inputs: Sequence[Tensor], call: Call) -> Tensor:
    phase = (inputs[0][..., 0] // call.attrs.step_us) % len(call.attrs.table)
    return tf.gather(tf.constant(call.attrs.table, tf.float64), phase)


def _wave(inputs: Sequence[Tensor], call: Call) -> Tensor:
    angle = inputs[0] * (2 * math.pi / row(call.attrs.period, inputs[0]))
    return tf.concat([tf.sin(angle), tf.cos(angle)], axis=-1)


TIMES: dict[str, Entry] = {
    "calendar": _calendar,
    "future_times": _future_times,
    "cycle": _cycle,
    "wave": _wave,
}
