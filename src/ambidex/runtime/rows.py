"""Rows of named values into the tensors a model takes, with an error that names the place of a value that does not fit.

Shared by the server (strict: `read_json`), the command line and the Python API (`schema.parse_value`).
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import starmap
from struct import Struct
from struct import error as BadStruct  # noqa: N812 - a class, whatever its name
from typing import Any

from ambidex.errors import DataError, expected, one_of
from ambidex.schema import MISSING_TIME, Column, Layout, Tensor, parse_value
from ambidex.schema.frequency import EPOCH
from ambidex.schema.parse import MISSING_WORDS, to_microseconds
from ambidex.schema.tensor import TensorType

Reader = Callable[[Column, object, str], float | str | int]
"""Types one value: column, value, place."""

_NAN = math.nan
# Years 1 to 9999: what can be written as a date again.
EARLIEST_US = to_microseconds(EPOCH.min)
LATEST_US = to_microseconds(EPOCH.max)


def refusal(code: str, message: str, where: str) -> DataError:
    """A `DataError` whose `code` says what kind of mistake it is."""
    error = DataError(message, where=where)
    error.code = code
    return error


def member(where: str, name: str) -> str:
    """The path of a named value: `rows[3].age`, or `rows[3]["hours per week"]`."""
    return f"{where}.{name}" if name.replace("-", "_").isidentifier() else f'{where}["{name}"]'


def read_json(column: Column, value: object, where: str = "") -> float | str | int:
    """A value of a JSON document as the graph takes it: nothing is guessed from text but times.

    Numbers are numbers, flags are true, false, 0 or 1, texts are strings, times are strings (ISO 8601 or the column's
    own format) or integers (microseconds since 1970), null is missing. Raises `DataError` with code `wrong_type` or
    `out_of_range`.
    """
    if column.kind == "number":
        return _json_number(column, value, where)
    if column.kind == "flag":
        return _json_flag(column, value, where)
    if column.kind == "time":
        return _json_time(column, value, where)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _wrong_type(column, "a string or null", value, where)
    if "\0" in value:
        raise refusal("out_of_range", expected("a text without NUL", got=ascii(value), where=where), where)
    return value.strip()


def _json_number(column: Column, value: object, where: str) -> float:
    if value is None:
        return _NAN
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _wrong_type(column, "a number or null", value, where)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if math.isinf(number):
        raise refusal("out_of_range", expected("a finite number", got=shown(value), where=where), where)
    return number


def _json_flag(column: Column, value: object, where: str) -> float:
    if value is None:
        return _NAN
    if isinstance(value, (bool, int, float)) and value in (0, 1):
        return float(value)
    raise _wrong_type(column, "true, false, 0, 1 or null", value, where)


def _json_time(column: Column, value: object, where: str) -> int:
    if value is None:
        return MISSING_TIME
    if type(value) is int and EARLIEST_US <= value <= LATEST_US and not column.time_format:
        return value  # the common case of machines that talk to machines
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # to JSON 2.0 and 2 are one number
    is_word = isinstance(value, str) and value.strip().lower() in MISSING_WORDS  # in JSON missing is null
    if is_word or isinstance(value, bool) or not isinstance(value, (int, str)):
        raise _wrong_type(column, "an ISO 8601 string, microseconds since 1970 or null", value, where)
    try:
        stamp = parse_value(_plain_time(column) if isinstance(value, int) else column, value, where)
    except DataError as error:
        if not column.time_format:
            error.code = "wrong_type"
            raise
        stamp = parse_value(_plain_time(column), value, where)
    assert isinstance(stamp, int)
    if stamp != MISSING_TIME and not EARLIEST_US <= stamp <= LATEST_US:
        raise refusal("out_of_range", expected("a time of the years 1 to 9999", got=shown(value), where=where), where)
    return stamp


def _plain_time(column: Column) -> Column:
    """The column with ISO 8601 as its format."""
    return Column(name=column.name, kind="time", role=column.role)


def _wrong_type(column: Column, what: str, value: object, where: str) -> DataError:
    return refusal("wrong_type", expected(f"{what} for column {column.name!r}", got=shown(value), where=where), where)


def shown(value: object) -> str:
    """A value as it reads in a message: short, and in JSON's words."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, (list, tuple)):
        return "a list"
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, int) and abs(value) > 10**30:
        return "an integer of more than 30 digits"
    text = ascii(value)
    return text if len(text) <= 60 else text[:57] + "..."


def check_names(names: Iterable[str], wanted: Collection[str], where: str, *, optional: Collection[str] = ()) -> None:
    """Raises `DataError` for a name that is not wanted (`unknown_column`) or one that is absent (`missing_column`)."""
    present = set(names)
    for name in present - set(wanted) - set(optional):
        place = member(where, name)
        what = one_of(wanted, name) if wanted else "no columns here"
        raise refusal("unknown_column", expected(what, got=f"column {shown(name)}", where=place), place)
    for name in wanted:
        if name not in present:
            place = member(where, name)
            message = expected(
                f"a value for column {name!r}", got="none", where=place, fix="Use null if it is missing."
            )
            raise refusal("missing_column", message, place)


def read_row(columns: Sequence[Column], row: Mapping[str, object], read: Reader, where: str) -> tuple[object, ...]:
    """The typed values of one row in the order of `columns`."""
    return tuple(read(column, row[column.name], member(where, column.name)) for column in columns)


class Packing:
    """How rows become tensors: worked out once per model, for the layouts of one span."""

    def __init__(self, layouts: Sequence[Layout]) -> None:
        self.columns: tuple[Column, ...] = tuple(column for layout in layouts for column in layout.columns)
        self._groups: list[tuple[str, TensorType, slice, tuple[Column, ...]]] = []
        start = 0
        for layout in layouts:
            stop = start + len(layout.columns)
            self._groups.append((layout.name, layout.dtype, slice(start, stop), layout.columns))  # type: ignore[arg-type]
            start = stop

    def pack(self, rows: Sequence[Sequence[object]], lead: tuple[int, ...]) -> dict[str, Tensor]:
        """The tensors of rows whose values come in the order of `columns`; `lead` are their first dimensions.

        Values may be as JSON has them (None, untrimmed text, ISO times). Raises `DataError` without a place,
        `TypeError` or `OverflowError` where one does not fit; the caller then looks for the place with `read_row`.
        """
        if len(rows) == 1:
            (row,) = rows
            return {
                name: Tensor(dtype=dtype, shape=(*lead, len(columns)), data=_KINDS[dtype](columns, row[part]))
                for name, dtype, part, columns in self._groups
            }
        tensors = {}
        for name, dtype, part, columns in self._groups:
            values = [row[part] for row in rows]
            data = _pack_full_rows(values, len(columns)) if dtype == "float64" else None
            if data is None:
                kind, whole = _KINDS[dtype], zip(*values, strict=True)
                parts = [kind((column,), values) for column, values in zip(columns, whole, strict=True)]
                data = interleaved(parts, is_text=dtype == "string")
            tensors[name] = Tensor(dtype=dtype, shape=(*lead, len(columns)), data=data)
        return tensors


def interleaved(columns: Sequence[Any], *, is_text: bool) -> Any:
    """Columns of equal length (arrays of one type, or lists of texts) as one row-major sequence."""
    if len(columns) == 1:
        return columns[0]
    count = len(columns) * len(columns[0])
    packed: Any = [""] * count if is_text else array(columns[0].typecode, [0]) * count
    for position, column in enumerate(columns):
        packed[position :: len(columns)] = column
    return packed


def _pack_full_rows(rows: Sequence[Sequence[Any]], width: int) -> array[float] | None:
    """Rows of `width` numbers below each other, at half the cost of going by columns; None where one is no number."""
    try:
        return array("d", b"".join(starmap(Struct(f"{width}d").pack, rows)))
    except BadStruct:
        return None


def _pack_numbers(columns: Sequence[Column], values: Sequence[Any]) -> array[float]:
    del columns
    try:
        return array("d", values)
    except TypeError:
        return array("d", [_NAN if value is None else value for value in values])


def _pack_texts(columns: Sequence[Column], values: Sequence[Any]) -> list[str]:
    del columns
    try:
        texts = list(map(str.strip, values))
    except TypeError:
        texts = ["" if value is None else value.strip() for value in values]
    if "\0" in "".join(texts):
        raise DataError("Expected texts without NUL.")
    return texts


def _pack_times(columns: Sequence[Column], values: Sequence[Any]) -> array[int]:
    """Times of one column, or one time for each column."""
    if len(columns) != len(values):
        columns = tuple(columns) * len(values)
    return array("q", [_json_time(column, value, "") for column, value in zip(columns, values, strict=True)])


_KINDS: dict[str, Callable[[Sequence[Column], Sequence[Any]], Any]] = {
    "float64": _pack_numbers,
    "string": _pack_texts,
    "int64": _pack_times,
}
