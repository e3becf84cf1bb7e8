"""Raw rows to a network's tensors and back, by a table in JSON: the reference encoder beside a LiteRT model.

It needs Python's standard library and nothing else, and is meant to be read where another language has to do the same.
Values are nested lists with the batch first, so that one row is a list of one. `encode` follows the steps of the table
under "prepare", `decode` those under "decode"; a step is one of `OPS`, applied to named values. Example:

    encoder = Encoder(json.loads(Path("preparation.json").read_text()))
    encoded = encoder.encode({"age": 39, "workclass": "Private"})
    # run the model: encoded.tensors in, its raw outputs by name out
    answer = encoder.decode(encoded, {"logits": [[0.3]]})

From the command line: `python encoder.py preparation.json row.json` prints the tensors of a row.
"""

from __future__ import annotations

import json
import math
import operator
import struct
import sys
from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

MISSING_TIME = -(2**63)
MISSING_CODE, UNSEEN_CODE, FIRST_CODE = 0, 1, 2
DAY_US = 86_400_000_000
EPOCH = datetime(1970, 1, 1)

Nested = Any
"""A number, a text, or a list of these: a tensor."""


class Encoded(NamedTuple):
    """What the network takes, by the names of its inputs, and every value on the way, for `decode`."""

    tensors: dict[str, Nested]
    values: dict[str, Nested]


class Encoder:
    """Follows one table. `encode` raises `ValueError` where a history is too short."""

    def __init__(self, table: dict[str, Any]) -> None:
        self.table = table

    def encode(self, row: dict[str, Any]) -> Encoded:
        """A row {"age": 39, …}, or a series {"history": [row, …], "future": [row, …], "static": row}."""
        values = {entry["name"]: [self._read(entry, row)] for entry in self.table["inputs"]}
        values = follow(self.table["prepare"], values)
        return Encoded({entry["tensor"]: values[entry["value"]] for entry in self.table["tensors"]}, values)

    def decode(self, encoded: Encoded, raw: dict[str, Nested]) -> dict[str, Nested]:
        """The answers from the model's raw outputs."""
        known = {**encoded.values, **{entry["value"]: raw[entry["tensor"]] for entry in self.table["raw_outputs"]}}
        known = follow(self.table["decode"], known)
        return {name: known[value][0] for name, value in self.table["outputs"].items()}

    def _read(self, entry: dict[str, Any], row: dict[str, Any]) -> Nested:
        span, dtype, columns = entry["span"], entry["dtype"], entry["columns"]
        if span == "row":
            return [read_value(row.get(name), dtype) for name in columns]
        if span == "static":
            return [read_value(row["static"].get(name), dtype) for name in columns]
        steps = row[span]
        if span == "history":
            wanted = self.table["steps"]
            if len(steps) < wanted:
                raise ValueError(f"Expected a history of {wanted} rows, got {len(steps)}.")
            steps = steps[-wanted:]
        return [[read_value(step.get(name), dtype) for name in columns] for step in steps]


def read_value(value: Any, dtype: str) -> float | int | str:
    """A cell as preparation takes it; None is missing. Times are ISO 8601 or microseconds since 1970."""
    if dtype == "string":
        return "" if value is None else str(value)
    if dtype == "float64":
        return math.nan if value is None else float(value)
    if value is None:
        return MISSING_TIME
    if isinstance(value, str):
        since = datetime.fromisoformat(value).replace(tzinfo=None) - EPOCH
        return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    return int(value)


def follow(steps: list[dict[str, Any]], values: dict[str, Nested]) -> dict[str, Nested]:
    """All values, those of the steps too."""
    known = dict(values)
    for step in steps:
        known[step["name"]] = OPS[step["op"]]([known[name] for name in step["inputs"]], step["attrs"])
    return known


# ---- walking nested lists ----------------------------------------------------------------------------------------


def each(function: Callable[..., Any], x: Nested) -> Nested:
    """The function of every number."""
    return [each(function, part) for part in x] if isinstance(x, list) else function(x)


def rows(function: Callable[[list[Any]], Nested], x: Nested) -> Nested:
    """The function of every list along the last axis."""
    return [rows(function, part) for part in x] if x and isinstance(x[0], list) else function(x)


def columns(function: Callable[..., Any], x: Nested, *constants: list[Any]) -> Nested:
    """The function of every number and its column's constants."""
    return rows(lambda row: [function(*each) for each in zip(row, *constants, strict=True)], x)


def rank(x: Nested) -> int:
    """The number of axes."""
    return 1 + rank(x[0]) if isinstance(x, list) else 0


def pairs(function: Callable[[Any, Any], Any], a: Nested, b: Nested) -> Nested:
    """The function of numbers that meet; axes of one, and missing ones in front, repeat."""
    if rank(a) != rank(b):
        return [pairs(function, a, y) for y in b] if rank(a) < rank(b) else [pairs(function, x, b) for x in a]
    if not isinstance(a, list):
        return function(a, b)
    size = max(len(a), len(b))
    return [pairs(function, x, y) for x, y in zip(spread(a, size), spread(b, size), strict=True)]


def spread(x: list[Any], size: int) -> list[Any]:
    """A list of one as often as needed."""
    return x * size if len(x) == 1 else x


def at_axis(function: Callable[..., Nested], axis: int, *xs: Nested) -> Nested:
    """The function of the lists along an axis, which counts from the front."""
    if axis == 0:
        return function(*xs)
    return [at_axis(function, axis - 1, *parts) for parts in zip(*xs, strict=True)]


def flat(x: Nested) -> list[Any]:
    """All numbers in order."""
    return [leaf for part in x for leaf in flat(part)] if isinstance(x, list) else [x]


def shaped(numbers: list[Any], shape: list[int]) -> Nested:
    """The inverse of `flat`."""
    if not shape:
        return numbers[0]
    size = len(numbers) // shape[0]
    return [shaped(numbers[k * size : (k + 1) * size], shape[1:]) for k in range(shape[0])]


def across(function: Callable[[list[float]], list[float]], x: Nested) -> Nested:
    """The function of each column's steps: (B, T, F) in and out, where the number of steps may change."""
    return [by_step(map(function, by_step(window))) for window in x]


def by_step(x: Iterable[Iterable[Any]]) -> list[list[Any]]:
    """Columns of a window to its steps, and back."""
    return [list(part) for part in zip(*x, strict=True)]


# ---- the steps -----------------------------------------------------------------------------------------------------


def running(numbers: list[float]) -> list[float]:
    """Running sums."""
    total, found = 0.0, []
    for number in numbers:
        total += number
        found.append(total)
    return found


def softmax(row: list[float]) -> list[float]:
    """Shares that add up to one."""
    powers = [math.exp(number - max(row)) for number in row]
    return [power / math.fsum(powers) for power in powers]


def sigmoid_pair(row: list[float]) -> list[float]:
    """Probabilities of both classes from one logit."""
    decay = math.exp(-abs(row[0]))
    small = decay / (1 + decay)
    return [small, 1 - small] if row[0] >= 0 else [1 - small, small]


def symmetric_log(number: float, floor: float) -> float:
    """asinh(number / floor)."""
    size = abs(number / floor)
    return math.copysign(math.log(size + math.sqrt(size * size + 1)), number) if number else 0.0


def symmetric_exp(number: float, floor: float) -> float:
    """The inverse."""
    return floor * ((math.exp(number) - math.exp(-number)) / 2)


def mean(numbers: list[float]) -> float:
    """The mean."""
    return math.fsum(numbers) / len(numbers)


def deviation(numbers: list[float], minimum: float) -> float:
    """The standard deviation (biased), at least `minimum`."""
    centre = mean(numbers)
    found = math.sqrt(mean([(number - centre) ** 2 for number in numbers]))
    return max(found, minimum)  # a NaN comes first, and stays


def fill(numbers: list[float]) -> list[float]:
    """The last known value in place of a missing one; the first known one, or 0, where none came before."""
    last = next((number for number in numbers if not math.isnan(number)), 0.0)
    found = []
    for number in numbers:
        last = last if math.isnan(number) else number
        found.append(last)
    return found


def differences(numbers: list[float]) -> list[float]:
    """Each number less the one before."""
    return [after - before for before, after in pairwise(numbers)]


def calendar_part(stamp: int, part: str) -> float:
    """A part of a date, or NaN where it is missing."""
    if stamp == MISSING_TIME:
        return math.nan
    days, in_day = divmod(stamp, DAY_US)
    if part == "days_since_epoch":
        return days + in_day / DAY_US
    if part in ("hour", "minute", "weekday"):
        hours, in_hour = divmod(in_day, 3_600_000_000)
        return float({"hour": hours, "minute": in_hour // 60_000_000, "weekday": (days + 3) % 7}[part])
    year, month, day = civil(days)
    past = year - 1
    new_year = 365 * past + past // 4 - past // 100 + past // 400 - 719162
    return float({"year": year, "month": month, "day": day, "day_of_year": days - new_year + 1}[part])


def civil(days: int) -> tuple[int, int, int]:
    """Year, month and day of days since 1970; years are counted from March, so that the leap day ends one."""
    era, day_of_era = divmod(days + 719468, 146097)
    years = (day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096) // 365
    day_of_year = day_of_era - (365 * years + years // 4 - years // 100)
    from_march = (5 * day_of_year + 2) // 153
    month = from_march + (3 if from_march < 10 else -9)
    return years + era * 400 + (month <= 2), month, day_of_year - (153 * from_march + 2) // 5 + 1


def lookup(text: str, vocabulary: list[str]) -> int:
    """The code of a text."""
    if text == "":
        return MISSING_CODE
    return vocabulary.index(text) + FIRST_CODE if text in vocabulary else UNSEEN_CODE


def narrow(number: float) -> float:
    """The number that float32 has for it."""
    try:
        return float(struct.unpack("<f", struct.pack("<f", number))[0])
    except OverflowError:
        return math.copysign(math.inf, number)


def wave(row: list[float], periods: list[float]) -> list[float]:
    """Sines of all columns' phases, then cosines."""
    angles = [number * (2 * math.pi / period) for number, period in zip(row, periods, strict=True)]
    return [math.sin(angle) for angle in angles] + [math.cos(angle) for angle in angles]


def transposed(x: Nested, axes: list[int]) -> Nested:
    """The axes in another order."""
    shape = shape_of(x)
    strides = [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]
    places = [0]
    for axis in axes:
        places = [place + k * strides[axis] for place in places for k in range(shape[axis])]
    numbers = flat(x)
    return shaped([numbers[place] for place in places], [shape[axis] for axis in axes])


def shape_of(x: Nested) -> list[int]:
    """The sizes of the axes."""
    return [len(x), *shape_of(x[0])] if isinstance(x, list) else []


def concat(xs: list[Nested], a: dict[str, Any]) -> Nested:
    """Lists joined along an axis that counts from the end."""
    return at_axis(lambda *parts: [item for part in parts for item in part], rank(xs[0]) + a["axis"], *xs)


def cut(x: Nested, a: dict[str, Any]) -> Nested:
    """Positions start to stop of an axis."""
    return at_axis(lambda part: part[a["start"] : a["stop"]], a["axis"] % rank(x), x)


def cycle(stamps: list[int], a: dict[str, Any]) -> list[float]:
    """The row of a table that repeats."""
    return list(a["table"][stamps[0] // a["step_us"] % len(a["table"])])


def future_times(x: Nested, a: dict[str, Any]) -> Nested:
    """The stamps that follow a history."""
    return [[[last + k * a["step_us"] for last in w[-1]] for k in range(1, a["horizon"] + 1)] for w in x]


def unlog_ratio(x: Nested, history: Nested, floor: list[float]) -> Nested:
    """Running sums of log ratios on top of the last step of a history."""
    start = columns(symmetric_log, [window[-1:] for window in history], floor)
    return columns(symmetric_exp, pairs(operator.add, start, across(running, x)), floor)


CASTS: dict[str, Callable[[Any], Any]] = {"float32": narrow, "float64": float, "int64": int, "bool": bool}

OPS: dict[str, Callable[[list[Nested], dict[str, Any]], Nested]] = {
    "add": lambda x, a: pairs(operator.add, *x),
    "sub": lambda x, a: pairs(operator.sub, *x),
    "mul": lambda x, a: pairs(operator.mul, *x),
    "div": lambda x, a: pairs(operator.truediv, *x),
    "softmax": lambda x, a: rows(softmax, x[0]),
    "concat": concat,
    "reshape": lambda x, a: shaped(flat(x[0]), [len(x[0]), *a["shape"]]),
    "transpose": lambda x, a: transposed(x[0], a["axes"]),
    "slice": lambda x, a: cut(x[0], a),
    "cast": lambda x, a: each(CASTS[a["dtype"]], x[0]),
    "select": lambda x, a: rows(lambda row: [row[k] for k in a["columns"]], x[0]),
    "impute": lambda x, a: columns(lambda v, fill: fill if math.isnan(v) else v, x[0], a["fill"]),
    "is_missing": lambda x, a: each(lambda v: float(math.isnan(v)), x[0]),
    "standardize": lambda x, a: columns(lambda v, c, s: (v - c) / s, x[0], a["center"], a["scale"]),
    "unstandardize": lambda x, a: columns(lambda v, c, s: v * s + c, x[0], a["center"], a["scale"]),
    "smooth_clip": lambda x, a: each(lambda v: v / math.sqrt(1 + (v / a["limit"]) ** 2), x[0]),
    "temperature": lambda x, a: each(lambda v: v / a["temperature"], x[0]),
    "lookup": lambda x, a: columns(lookup, x[0], a["vocabularies"]),
    "sigmoid_pair": lambda x, a: rows(sigmoid_pair, x[0]),
    "threshold": lambda x, a: rows(lambda row: int(row[1] >= a["threshold"]), x[0]),
    "argmax": lambda x, a: rows(lambda row: row.index(max(row)), x[0]),
    "label": lambda x, a: each(lambda k: a["classes"][k], x[0]),
    "calendar": lambda x, a: rows(lambda r: [calendar_part(v, part) for v in r for part in a["parts"]], x[0]),
    "future_times": lambda x, a: future_times(x[0], a),
    "cycle": lambda x, a: rows(lambda row: cycle(row, a), x[0]),
    "wave": lambda x, a: rows(lambda row: wave(row, a["period"]), x[0]),
    "difference": lambda x, a: across(differences, x[0]),
    "undifference": lambda x, a: pairs(operator.add, [w[-1:] for w in x[1]], across(running, x[0])),
    "log_ratio": lambda x, a: across(differences, columns(symmetric_log, x[0], a["floor"])),
    "unlog_ratio": lambda x, a: unlog_ratio(x[0], x[1], a["floor"]),
    "window_last": lambda x, a: [window[-1:] for window in x[0]],
    "window_mean": lambda x, a: across(lambda steps: [mean(steps)], x[0]),
    "window_scale": lambda x, a: across(lambda steps: [deviation(steps, a["minimum"])], x[0]),
    "fill_steps": lambda x, a: across(fill, x[0]),
    "fold": lambda x, a: [[[v] for v in steps] for window in x[0] for steps in zip(*window, strict=True)],
    "unfold": lambda x, a: transposed(
        shaped(flat(x[0]), [len(x[0]) // a["channels"], a["channels"], len(x[0][0])]), [0, 2, 1]
    ),
    "sort": lambda x, a: rows(sorted, x[0]),
}


if __name__ == "__main__":
    encoder = Encoder(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    json.dump(encoder.encode(json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))).tensors, sys.stdout)
