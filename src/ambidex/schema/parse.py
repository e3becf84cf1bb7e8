"""Turns what a file, a frame or a request holds into the typed value the graph takes."""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime, timedelta
from functools import cache

from ambidex.errors import DataError, expected
from ambidex.schema.column import Column, NumberFormat
from ambidex.schema.frequency import EPOCH
from ambidex.schema.tensor import MISSING_TIME

MISSING_WORDS = frozenset({"", "na", "n/a", "nan", "null", "none", "#n/a", "<na>", "nat"})
"""Texts that mean 'no number' or 'no time', in lower case. A text column only has the empty one."""

TRUE_WORDS = frozenset({"true", "t", "yes", "y", "1"})
FALSE_WORDS = frozenset({"false", "f", "no", "n", "0"})

_PLAIN_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_BLANKS = {0x00A0: " ", 0x202F: " ", 0x2009: " "}
"""No-break and thin spaces group digits as a blank does."""
_NAN = float("nan")
_MICROSECOND = timedelta(microseconds=1)


def parse_value(column: Column, value: object, where: str = "") -> float | str | int:
    """The value as the graph takes it: float (missing NaN), str (missing ''), or int microseconds.

    Takes text as written in a file, and typed values: int, float, bool, date, datetime, None. Raises `DataError`
    with `where` and what was expected.
    """
    if column.kind == "number":
        return parse_number(column, value, where)
    if column.kind == "flag":
        return parse_flag(column, value, where)
    if column.kind == "time":
        return parse_time(column, value, where)
    return parse_text(column, value, where)


def parse_number(column: Column, value: object, where: str = "") -> float:
    """A float; NaN for None, NaN and the words that mean missing."""
    if isinstance(value, (int, float)):
        return _finite(column, value, where)
    if value is None:
        return _NAN
    if not isinstance(value, str):
        raise _wrong(column, "a number", value, where)
    text = value.strip()
    if text.lower() in MISSING_WORDS:
        return _NAN
    plain = _plain_number(text, column.number_format)
    if plain is None:
        raise _wrong(column, "a number", value, where)
    number = _finite(column, float(plain), where)
    return number / 100 if column.number_format.percent else number


def _finite(column: Column, value: float, where: str) -> float:
    """The value as a float, NaN allowed; infinities cannot be scaled or written as JSON."""
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if math.isinf(number):
        raise _wrong(column, "a finite number", value, where)
    return number


def _plain_number(text: str, form: NumberFormat) -> str | None:
    """The text as Python writes numbers, or None where it is none in this format."""
    if form.prefix:
        sign, body = (text[0], text[1:]) if text[:1] in ("-", "+") else ("", text)
        text = sign + body.strip().removeprefix(form.prefix).strip()
    if form.suffix:
        text = text.removesuffix(form.suffix).strip()
    if form.percent:
        text = text.removesuffix("%").strip()
    if form.thousands == " ":
        text = text.translate(_BLANKS)
    if form.thousands and form.thousands in text:
        if not _grouped_pattern(form.decimal, form.thousands).fullmatch(text):
            return None
        text = text.replace(form.thousands, "")
    if form.decimal == ",":
        text = text.replace(",", ".")
    return text if _PLAIN_NUMBER.fullmatch(text) else None


@cache
def _grouped_pattern(decimal: str, thousands: str) -> re.Pattern[str]:
    """Groups of three before the decimal mark: where thousands are points, 1.5 is a slip and not fifteen."""
    mark, group = re.escape(decimal), re.escape(thousands)
    return re.compile(rf"[+-]?\d{{1,3}}({group}\d{{3}})+({mark}\d*)?")


def parse_flag(column: Column, value: object, where: str = "") -> float:
    """1.0, 0.0 or NaN from a boolean, 0 and 1, or the usual words."""
    if value is None or (isinstance(value, float) and value != value):
        return _NAN
    if isinstance(value, (bool, int, float)) and value in (0, 1):
        return float(value)
    word = value.strip().lower() if isinstance(value, str) else None
    if word in TRUE_WORDS:
        return 1.0
    if word in FALSE_WORDS:
        return 0.0
    if word in MISSING_WORDS:
        return _NAN
    raise _wrong(column, "true or false", value, where)


def parse_text(column: Column, value: object, where: str = "") -> str:
    """The text without surrounding blanks; '' if missing. Whole floats read as integers, so 5951.0 is '5951'."""
    if isinstance(value, str):
        return value.strip()
    if value is None or (isinstance(value, float) and value != value):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    raise _wrong(column, "a text", value, where)


def parse_time(column: Column, value: object, where: str = "") -> int:
    """Microseconds since 1970 without zone; an offset in the text is applied, so that times compare in UTC."""
    if value is None or value == MISSING_TIME or (isinstance(value, (float, datetime)) and value != value):
        return MISSING_TIME  # NaN, and pandas' NaT, which is a datetime
    if isinstance(value, datetime):
        return to_microseconds(value)
    if isinstance(value, date):
        return to_microseconds(datetime(value.year, value.month, value.day))
    if isinstance(value, int) and not isinstance(value, bool):
        return _parse_stamp(column, str(value), where) if column.time_format else value
    if isinstance(value, float) and value.is_integer() and column.time_format:
        return _parse_stamp(column, str(int(value)), where)  # 20160701.0: whole numbers beside missing ones
    if isinstance(value, str):
        text = value.strip()
        return MISSING_TIME if text.lower() in MISSING_WORDS else _parse_stamp(column, text, where)
    raise _wrong(column, "a date or time", value, where)


def _parse_stamp(column: Column, text: str, where: str) -> int:
    try:
        if column.time_format:
            return to_microseconds(datetime.strptime(text, column.time_format))
        return to_microseconds(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        form = f"a time written like {column.time_format}" if column.time_format else "an ISO 8601 date or time"
        raise _wrong(column, form, text, where) from None


def to_microseconds(stamp: datetime) -> int:
    """Microseconds since 1970; a zone is converted to UTC and dropped."""
    if stamp.tzinfo is not None:
        stamp = stamp.astimezone(UTC).replace(tzinfo=None)
    return (stamp - EPOCH) // _MICROSECOND


def _wrong(column: Column, what: str, value: object, where: str) -> DataError:
    fix = "Use null, or an empty cell of a file, if it is missing." if column.role != "time" else ""
    shown = repr(value) if len(repr(value)) <= 80 else repr(value)[:77] + "..."
    return DataError(expected(f"{what} for column {column.name!r}", got=shown, where=where, fix=fix), where=where)
