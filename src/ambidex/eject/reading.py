"""The source that reads a CSV file into typed columns, by the schema."""

from __future__ import annotations

from typing import Any

import msgspec

from ambidex.eject.subject import Subject
from ambidex.eject.text import collection, fill, keep
from ambidex.schema import Column, NumberFormat

_READ = '''
def read_table(path):
    """The columns of a CSV file (also .gz) by name, as texts."""
    open_file = gzip.open if str(path).endswith(".gz") else open
    with open_file(path, "rt", encoding="utf-8-sig", newline="") as file:
        text = file.read()
    header = text[: text.find("\\n")]
    delimiter = max(",;\\t|", key=header.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    names, *rows = (row for row in rows if row)
    return dict(zip((name.strip() for name in names), zip(*rows)))
'''
_NUMBER = '''
def number(text):
    """A number; NaN for an empty cell and the words that mean one."""
    text = text.strip()
    return float("nan") if text.lower() in MISSING else float(text)
'''
_FORMATTED = '''
def number(text, decimal=".", thousands="", unit="", percent=False):
    """A number as its column writes it; NaN for an empty cell and words that mean one."""
    text = text.strip()
    if text.lower() in MISSING:
        return float("nan")
    text = text.replace(unit, "").replace("%", "").strip()
    if thousands == " ":
        text = "".join(text.split())
    text = text.replace(thousands, "").replace(decimal, ".")
    return float(text) / (100 if percent else 1)
'''
_FLAG = '''
def flag(text):
    """1 for yes, 0 for no, NaN for an empty cell and the words that mean one."""
    word = text.strip().lower()
    if word in MISSING:
        return float("nan")
    return {"true": 1.0, "t": 1.0, "yes": 1.0, "y": 1.0, "1": 1.0}.get(word, 0.0)
'''
_TIME = '''
def time(text, pattern=""):
    """Microseconds since 1970 in UTC; the least int64 for an empty cell."""
    text = text.strip()
    if text.lower() in MISSING:
        return -(2**63)
    stamp = datetime.strptime(text, pattern) if pattern else None
    stamp = stamp or datetime.fromisoformat(text)
    if stamp.tzinfo:
        stamp = stamp.astimezone(UTC).replace(tzinfo=None)
    return (stamp - datetime(1970, 1, 1)) // timedelta(microseconds=1)
'''
_COLUMN = '''
def column(table, name):
    """A column, typed: numbers as float64, texts as they are, times in microseconds."""
    if name not in table:
        sys.exit(f"Expected a column {name!r}, got {', '.join(table)}.")
    cells = table[name]
    if name in TEXTS:  #? texts
        return np.array([cell.strip() for cell in cells], dtype=object)  #? texts
    if name in FLAGS:  #? flags
        return np.array([flag(cell) for cell in cells])  #? flags
    if name in TIMES:  #? times
        return np.array([time(cell, TIMES[name]) for cell in cells], dtype=np.int64)  #? times
    return np.array([number(cell) for cell in cells])  #? numbers and not formats
    form = FORMATS.get(name, {})  #? numbers and formats
    return np.array([number(cell, **form) for cell in cells])  #? numbers and formats
'''


def reading_lines(subject: Subject, *, targets: bool) -> list[str]:
    """`read_table` and `column` with all that they need, for the columns of the schema (targets too if asked)."""
    columns = [c for c in subject.schema.columns if c.role != "target" or targets or subject.is_series]
    by_kind = {
        kind: [column for column in columns if column.kind == kind] for kind in ("number", "flag", "text", "time")
    }
    formats = {column.name: _format(column) for column in by_kind["number"] if column.number_format != NumberFormat()}
    has = {
        "texts": bool(by_kind["text"]),
        "flags": bool(by_kind["flag"]),
        "times": bool(by_kind["time"]),
        "numbers": bool(by_kind["number"]),
        "formats": bool(formats),
    }
    lines = collection("MISSING", ["", "na", "n/a", "nan", "null", "none", "#n/a", "<na>", "nat"])
    if has["texts"]:
        lines += collection("TEXTS", [column.name for column in by_kind["text"]])
    if has["flags"]:
        lines += collection("FLAGS", [column.name for column in by_kind["flag"]])
    if has["times"]:
        lines += collection("TIMES", {column.name: column.time_format for column in by_kind["time"]})
    if formats:
        lines += collection("FORMATS", formats)
    parts = [_READ]
    parts += [_FORMATTED if formats else _NUMBER] if has["numbers"] else []
    parts += [text for kind, text in (("flags", _FLAG), ("times", _TIME)) if has[kind]]
    for text in (*parts, _COLUMN):
        lines += ["", "", *fill(keep(text, **has))]
    return lines


def _format(column: Column) -> dict[str, Any]:
    """What differs from how Python writes numbers."""
    form = msgspec.to_builtins(column.number_format)
    unit = form.pop("prefix") or form.pop("suffix", "")
    form.pop("suffix", None)
    plain = {"decimal": ".", "thousands": "", "percent": False}
    return {name: value for name, value in form.items() if value != plain[name]} | ({"unit": unit} if unit else {})
