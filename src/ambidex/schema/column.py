"""One column of a table: its name, how its values are typed, and what part it plays."""

from __future__ import annotations

from typing import Literal

import msgspec

Kind = Literal["number", "flag", "text", "time"]
"""How a value enters a graph: `number` and `flag` as float64 (missing: NaN), `text` as a string (missing: empty),
`time` as int64 microseconds since 1970 without zone (missing: the smallest int64)."""

Role = Literal["feature", "target", "time", "series", "past", "future", "static", "weight"]
"""What a column is for. Tables know `feature`, `target` and `weight`; series have `time`, the keys in `series`,
the targets, and covariates known only in the `past`, also in the `future`, or `static` per series."""


class NumberFormat(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How numbers are written in text: `1.234,50 €` has decimal ',', thousands '.', suffix '€'."""

    decimal: Literal[".", ","] = "."
    thousands: Literal["", ",", ".", " ", "'", "_"] = ""
    prefix: str = ""
    suffix: str = ""
    percent: bool = False


class Column(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A column as the model knows it.

    `levels` are the categories seen while fitting (texts), `minimum`, `maximum` and `example` what numbers and times
    looked like: for forms, documentation and drift, never for rejecting a value. `reason` says why the column was
    typed so. `time_format` is empty for ISO 8601, else a `strptime` pattern.
    """

    name: str
    kind: Kind
    role: Role = "feature"
    number_format: NumberFormat = NumberFormat()
    time_format: str = ""
    levels: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    example: str | float | int | bool | None = None
    reason: str = ""
