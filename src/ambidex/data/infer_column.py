"""Types one column by its values."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from ambidex.data.encode import all_plain_numbers, missing_mask, typed_column
from ambidex.data.number_form import asked_form, describe, number_form
from ambidex.data.table import Table, Values
from ambidex.data.time_form import time_form
from ambidex.errors import DataError, UsageError, expected
from ambidex.schema import Column, NumberFormat
from ambidex.schema.parse import MISSING_WORDS

MAX_LEVELS = 1000
FLAG_PAIRS = ({"yes", "no"}, {"true", "false"}, {"t", "f"}, {"y", "n"})
FEW_ROWS = 20
MICROSECOND_DIGITS = 14
_TIME_WORDS = ("date", "time", "day", "month", "year", "timestamp", "ds")


@dataclass(frozen=True, slots=True)
class Facts:
    """What was counted once: `counts` holds the different values of a list column, missing ones left out, as texts."""

    name: str
    values: Values
    num_rows: int
    num_missing: int
    counts: dict[str, int]
    types: frozenset[type]
    num_distinct: int
    example: str
    is_category: bool
    table: Table

    @property
    def num_present(self) -> int:
        return self.num_rows - self.num_missing


@dataclass(frozen=True, slots=True)
class Typed:
    """A column with its kind and reason; its numbers where it has some; and what the user should hear."""

    column: Column
    numbers: NDArray[np.float64] | None = None
    notes: tuple[str, ...] = ()


def column_facts(table: Table, name: str, *, as_numbers: bool = False) -> Facts:
    """Counts the column's values. With `as_numbers` texts that are all plain numbers are taken as numbers at once."""
    values = table.column(name)
    is_category = name in table.categories
    if as_numbers and not is_category and not isinstance(values, np.ndarray) and not _may_be_date(name):
        numbers = all_plain_numbers(values)
        values = values if numbers is None or np.isnan(numbers).all() else numbers
    if isinstance(values, np.ndarray):
        missing = _array_missing(values)
        present = values[~missing]
        distinct = np.unique(present)
        example = _shown(present[len(present) // 2]) if len(present) else ""
        return Facts(
            name, values, len(values), int(missing.sum()), {}, frozenset(), len(distinct), example, is_category, table
        )
    types = frozenset(map(type, values)) - {type(None)}
    raw = Counter(values) if types <= {str} else Counter(_as_text(value) for value in values)
    counts: dict[str, int] = {}
    for text, count in raw.items():
        if text is not None and (stripped := text.strip()):
            counts[stripped] = counts.get(stripped, 0) + count
    num_missing = len(values) - sum(counts.values())
    example = max(counts, key=counts.__getitem__) if counts else ""
    return Facts(name, values, len(values), num_missing, counts, types, len(counts), example, is_category, table)


def _shown(value: Any) -> str:
    return f"{value:.15g}" if isinstance(value, np.floating) else str(value)


def _may_be_date(name: str) -> bool:
    return any(word in name.lower() for word in _TIME_WORDS)


def _array_missing(values: NDArray[Any]) -> NDArray[np.bool_]:
    if values.dtype.kind == "M":
        missing: NDArray[np.bool_] = np.isnat(values)
        return missing
    return missing_mask(values) if values.dtype.kind == "f" else np.zeros(len(values), dtype=bool)


def _as_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return "" if value != value else repr(value)
    return value.isoformat() if isinstance(value, date) else str(value)


def type_column(facts: Facts, *, asked: str, role: str, is_required: bool) -> Typed:
    """The column typed as asked, else as its role needs, else as its values are.

    Raises `DataError` where the values do not fit what was asked, or are in doubt and the column is required.
    """
    wanted = asked or {"time": "time", "series": "text", "weight": "number"}.get(role, "")
    if wanted:
        return _as_wanted(facts, wanted, role)
    typed = _by_values(facts, role)
    if typed.notes and is_required and any("may be" in note for note in typed.notes):
        raise DataError(f"Expected one reading of column {facts.name!r}, got two: {typed.notes[0]}", where=facts.name)
    return typed


def _as_wanted(facts: Facts, wanted: str, role: str) -> Typed:
    kind, _, pattern = wanted.partition(":")
    if kind in ("text", "category"):
        return _text(facts, reason=_given(role, "series", "a series key", "category as asked"))
    if kind == "number":
        return _number(facts, _wanted_number_format(facts, pattern), reason="number as asked")
    if kind == "flag":
        return _flag(facts, "flag as asked")
    if kind == "time":
        return _wanted_time(facts, pattern, role)
    raise UsageError(expected("number, flag, category, time, time:PATTERN or drop", got=repr(wanted), where=facts.name))


def _given(role: str, name: str, then: str, otherwise: str) -> str:
    return then if role == name else otherwise


def _by_values(facts: Facts, role: str) -> Typed:
    if isinstance(facts.values, np.ndarray):
        return _by_dtype(facts, role)
    if facts.is_category:
        return _text(facts, reason="declared categorical")
    if facts.types and all(issubclass(kind, date) for kind in facts.types):
        return _time(facts, "", f"dates like {facts.example}")
    if facts.types == {bool}:
        return _flag(facts, "true and false") if role != "target" else _text(facts, reason="true and false")
    return _by_texts(facts, role)


def _by_dtype(facts: Facts, role: str) -> Typed:
    kind = facts.values.dtype.kind
    if kind == "M":
        return _time(facts, "", f"dates like {facts.example.replace('T', ' ')}")
    if kind == "b":
        return _flag(facts, "true and false") if role != "target" else _text(facts, reason="true and false")
    return _number(facts, NumberFormat(), reason="", may_be_flag=role != "target")


def _present(facts: Facts) -> list[str]:
    """The different texts that do not mean missing."""
    return [text for text in facts.counts if text.lower() not in MISSING_WORDS]


def _by_texts(facts: Facts, role: str) -> Typed:
    present = _present(facts)
    if present:
        numbers = number_form(present)
        if numbers is not None and not numbers.doubt and not _is_compact_date(facts, present):
            return _number(facts, numbers.form, reason="", may_be_flag=role != "target")
        if numbers is not None and numbers.doubt:
            note = f"{numbers.doubt}; taken as categories. Say which with number:, or number:."
            return _text(facts, reason="numbers in doubt", notes=(note,))
        stamps = time_form(present, digits=_is_compact_date(facts, present))
        if stamps is not None:
            return _dated(facts, stamps.pattern, stamps.example, stamps.doubt)
    words = {text.lower() for text in present}
    if role != "target" and words in FLAG_PAIRS:
        return _flag(facts, f"two values, {' and '.join(sorted(present, key=str.lower, reverse=True))}")
    return _text(facts, reason=f"{facts.num_distinct} different texts")


def _is_compact_date(facts: Facts, present: list[str]) -> bool:
    """Whether 20160701 is meant: eight digits that are all dates, under a name that says so."""
    if not _may_be_date(facts.name) or not all(len(text) == 8 and text.isdigit() for text in present):
        return False
    return time_form(present, digits=True) is not None


def _dated(facts: Facts, pattern: str, example: str, doubt: str) -> Typed:
    if doubt:
        note = f"{doubt}; taken as categories. Say which with time:PATTERN."
        return _text(facts, reason="dates in doubt", notes=(note,))
    return _time(facts, pattern, f"dates like {example}")


def _wanted_number_format(facts: Facts, decimal: str) -> NumberFormat:
    present = _present(facts)
    if decimal not in ("", ".", ","):
        raise UsageError(expected("number, number:. or number:,", got=f"number:{decimal}", where=facts.name))
    if decimal:
        return asked_form(decimal, present)
    found = number_form(present) if present else None
    return found.form if found is not None else NumberFormat()


def _wanted_time(facts: Facts, pattern: str, role: str) -> Typed:
    what = _given(role, "time", "the time of each row", "time as asked")
    is_array = isinstance(facts.values, np.ndarray)
    if pattern or (is_array and facts.values.dtype.kind == "M") or not facts.types <= {str, int}:
        return _time(facts, pattern, what)
    if is_array:
        present = [str(int(value)) for value in np.unique(facts.values[~_array_missing(facts.values)])]
    else:
        present = _present(facts)
    found = time_form(present, digits=True)
    if found is None and present and all(len(text) >= MICROSECOND_DIGITS and text.isdigit() for text in present):
        return _time(facts, "", f"{what}, in microseconds since 1970")
    fix = f"Give its pattern, such as {facts.name}=time:%d/%m/%Y."
    if found is None:
        got = repr(present[0]) if present else "none"
        raise DataError(expected(f"times in column {facts.name!r}", got=got, fix=fix), where=facts.name)
    if found.doubt:
        raise DataError(f"Expected one reading of the times in column {facts.name!r}, got two: {found.doubt}. {fix}")
    return _time(facts, found.pattern, f"{what}, like {found.example}")


def _number(facts: Facts, form: NumberFormat, *, reason: str, may_be_flag: bool = False) -> Typed:
    column = Column(name=facts.name, kind="number", number_format=form)
    numbers = typed_column(column, facts.values, place=facts.table.place)
    present = numbers[~np.isnan(numbers)]
    if not reason:
        missing = len(numbers) - len(present)
        reason = f"all {len(numbers)} values are numbers" if not missing else ""
        reason = reason or f"{missing} of {len(numbers)} values are blank, the rest numbers"
        unusual = describe(form)
        reason += f" ({unusual})" if unusual else ""
        if may_be_flag and len(present) >= FEW_ROWS and _is_flag(present):
            return _flag(facts, f"all {len(present)} numbers are 0 or 1", numbers=numbers)
    bounds = _bounds(present)
    example = _plain_example(np.sort(present)[len(present) // 2]) if len(present) else None
    column = msgspec.structs.replace(column, minimum=bounds[0], maximum=bounds[1], example=example, reason=reason)
    return Typed(column, numbers)


def _is_flag(present: NDArray[np.float64]) -> bool:
    return bool(np.all((present == 0) | (present == 1)) and present.min() != present.max())


def _plain_example(value: float) -> float | int:
    return int(value) if value == int(value) and abs(value) < 2**53 else float(value)


def _bounds(present: NDArray[Any]) -> tuple[float | None, float | None]:
    return (float(present.min()), float(present.max())) if len(present) else (None, None)


def _flag(facts: Facts, reason: str, *, numbers: NDArray[np.float64] | None = None) -> Typed:
    column = Column(name=facts.name, kind="flag", reason=reason, minimum=0.0, maximum=1.0)
    flags = typed_column(column, facts.values, place=facts.table.place) if numbers is None else numbers
    present = flags[~np.isnan(flags)]
    example = bool(np.mean(present) >= 0.5) if len(present) else None
    if len(present) < len(flags):
        reason += f"; {len(flags) - len(present)} of {len(flags)} are blank"
    return Typed(msgspec.structs.replace(column, example=example, reason=reason))


def _text(facts: Facts, *, reason: str, notes: tuple[str, ...] = ()) -> Typed:
    column = Column(name=facts.name, kind="text", reason=reason)
    if isinstance(facts.values, np.ndarray) or not facts.types <= {str}:
        counts = Counter(typed_column(column, facts.values, place=facts.table.place).tolist())
        counts.pop("", None)
    else:
        counts = Counter(facts.counts)
    levels = sorted(counts, key=lambda level: (-counts[level], level))
    example = levels[0] if levels else None
    if facts.num_missing:
        reason += f"; {facts.num_missing} of {facts.num_rows} are blank"
    return Typed(
        msgspec.structs.replace(column, levels=tuple(levels[:MAX_LEVELS]), example=example, reason=reason), notes=notes
    )


def _time(facts: Facts, pattern: str, reason: str) -> Typed:
    column = Column(name=facts.name, kind="time", time_format=pattern)
    stamps = typed_column(column, facts.values, place=facts.table.place)
    present = stamps[~missing_mask(stamps)]
    bounds = _bounds(present)
    example = facts.example or None
    if len(present) < len(stamps):
        reason += f"; {len(stamps) - len(present)} of {len(stamps)} are blank"
    reason += f" ({pattern})" if pattern else ""
    column = msgspec.structs.replace(column, minimum=bounds[0], maximum=bounds[1], example=example, reason=reason)
    return Typed(column)
