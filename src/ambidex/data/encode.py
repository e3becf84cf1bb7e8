"""Raw values to the arrays a graph takes, by the schema."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ambidex.data.table import Table, Values, known_columns
from ambidex.errors import DataError, expected
from ambidex.schema import MISSING_TIME, Column, NumberFormat, Schema, packed_layout, parse_value
from ambidex.schema.column import Kind

DTYPES: dict[Kind, Any] = {"number": np.float64, "flag": np.float64, "text": object, "time": np.int64}


def pack(schema: Schema, table: Table) -> dict[str, NDArray[Any]]:
    """The packed inputs of a table's model: `numbers` (B, n) float64, `texts` (B, m) of `str`, `times` (B, k) int64.

    Names and order follow `packed_layout`; columns that are not in the schema are ignored. Raises `DataError` for
    missing columns (all of them) and for the first value that cannot be read (its row and column).
    """
    layouts = packed_layout(schema)
    require_columns(table, [column.name for layout in layouts for column in layout.columns])
    packed = {}
    for layout in layouts:
        first = layout.columns[0]
        array = np.empty((table.num_rows, len(layout.columns)), dtype=DTYPES[first.kind])
        for position, column in enumerate(layout.columns):
            array[:, position] = encode_column(column, table)
        packed[layout.name] = array
    return packed


def encode_column(column: Column, table: Table) -> NDArray[Any]:
    """The table's column of that name, typed: see `typed_column`."""
    return typed_column(column, table.column(column.name), place=table.place)


def require_columns(table: Table, names: Iterable[str]) -> None:
    """Raises a `DataError` that names every column the table lacks, with the nearest names it has."""
    missing = [name for name in dict.fromkeys(names) if name not in table]
    if not missing:
        return
    word = "column" if len(missing) == 1 else "columns"
    shown = ", ".join(map(repr, missing[:20])) + (f" and {len(missing) - 20} more" if len(missing) > 20 else "")
    source = f" in {table.source}" if table.source else ""
    fix = known_columns(table, missing[0])
    raise DataError(expected(f"{word} {shown}{source}", got="none of that name", fix=fix), where=missing[0])


def extra_columns(schema: Schema, table: Table) -> tuple[str, ...]:
    """The table's columns that the schema does not know."""
    known = {column.name for column in schema.columns}
    return tuple(name for name in table.names if name not in known)


def typed_column(column: Column, values: Values, *, place: Callable[[int], str] | None = None) -> NDArray[Any]:
    """A column's values as float64 (missing NaN), objects of type `str` (missing ''), or int64 microseconds.

    `place` names a row for messages. Raises `DataError` for the first value that cannot be read.
    """
    name_row = place or (lambda row: f"row {row + 1}")
    if isinstance(values, np.ndarray):
        return _typed_array(column, values, name_row)
    return _typed_list(column, values, name_row)


def _typed_array(column: Column, values: NDArray[Any], place: Callable[[int], str]) -> NDArray[Any]:
    kind = values.dtype.kind
    if column.kind in ("number", "flag") and kind in "iufb":
        numbers = values.astype(np.float64)
        wrong = np.isinf(numbers) if column.kind == "number" else ~((numbers == 0) | (numbers == 1) | np.isnan(numbers))
        if wrong.any():
            row = int(np.argmax(wrong))
            parse_value(column, values[row].item(), place(row))
        return numbers
    if column.kind == "time" and kind == "M":
        return values.astype("datetime64[us]").astype(np.int64)
    if column.kind == "time" and kind == "i" and not column.time_format:
        return values.astype(np.int64)
    unique, inverse = np.unique(values, return_inverse=True)
    return _from_distinct(column, unique.tolist(), inverse, place)


def _from_distinct(
    column: Column, distinct: list[Any], inverse: NDArray[np.intp], place: Callable[[int], str]
) -> NDArray[Any]:
    typed = np.empty(len(distinct), dtype=DTYPES[column.kind])
    for position, value in enumerate(distinct):
        try:
            typed[position] = parse_value(column, value)
        except DataError:
            parse_value(column, value, place(int(np.argmax(inverse == position))))
    result: NDArray[Any] = typed[inverse]
    return result


def _typed_list(column: Column, values: list[Any], place: Callable[[int], str]) -> NDArray[Any]:
    types = set(map(type, values))
    if types <= {str, type(None)}:
        quick: NDArray[Any] | None = None
        if column.kind == "number" and column.number_format == NumberFormat():
            quick = _plain_numbers(values)
        elif column.kind == "time" and not column.time_format:
            quick = _plain_stamps(values)
        return _typed_texts(column, values, place) if quick is None else quick
    if types <= {int, float, bool, type(None)} and column.kind == "number":
        numbers = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
        if not np.isinf(numbers).any():
            return numbers
    typed = np.empty(len(values), dtype=DTYPES[column.kind])
    for row, value in enumerate(values):
        try:
            typed[row] = parse_value(column, value)
        except DataError:
            parse_value(column, value, place(row))
    return typed


def all_plain_numbers(values: list[Any]) -> NDArray[np.float64] | None:
    """The texts as float64 where every one is a plain number or missing; else None, mostly after a glance."""
    glance = [value for value in values[:100] if value]
    if not all(isinstance(value, str) and value.strip()[:1] in "+-.0123456789nN" for value in glance):
        return None
    return _plain_numbers(values) if set(map(type, values)) <= {str, type(None)} else None


def _plain_numbers(values: list[str | None]) -> NDArray[np.float64] | None:
    """Numbers written plainly or missing, in one pass; None where a cell needs the careful way."""
    try:
        numbers = np.array([float(value) if value else np.nan for value in values], dtype=np.float64)
    except ValueError:
        return None
    if np.isinf(numbers).any() or any(value is not None and "_" in value for value in values):
        return None
    return numbers


def _plain_stamps(values: list[str | None]) -> NDArray[np.int64] | None:
    """ISO dates and times without zone or missing, in one pass; None where a cell needs the careful way."""
    present = [value for value in values if value]
    lengths = set(map(len, present))
    if not present or min(lengths) < len("2016-07-01") or max(lengths) > len("2016-07-01T00:00:00.000000"):
        return None
    joined = "".join(present)
    if not set(joined) <= set("0123456789-: T.") or joined.count("-") != 2 * len(present):
        return None  # three dashes are an offset
    try:
        stamps = np.array([value or "NaT" for value in values], dtype="datetime64[us]")
    except ValueError:
        return None
    return stamps.astype(np.int64)


def _typed_texts(column: Column, values: list[str | None], place: Callable[[int], str]) -> NDArray[Any]:
    """Each different text is read once."""
    typed: dict[str | None, Any] = {}
    for value in set(values):
        try:
            typed[value] = parse_value(column, value)
        except DataError:
            typed = {}
            break
    if not typed and values:  # again in order, so that the message names the first wrong row
        for row, value in enumerate(values):
            parse_value(column, value, place(row))
    result = np.empty(len(values), dtype=DTYPES[column.kind])
    result[:] = list(map(typed.__getitem__, values))
    return result


def missing_mask(array: NDArray[Any]) -> NDArray[np.bool_]:
    """Where a typed array has no value: NaN, the empty text, or the smallest int64."""
    if array.dtype.kind == "f":
        nothing: NDArray[np.bool_] = np.isnan(array)
        return nothing
    missing: NDArray[np.bool_] = np.asarray(array == ("" if array.dtype.kind == "O" else MISSING_TIME), dtype=np.bool_)
    return missing
