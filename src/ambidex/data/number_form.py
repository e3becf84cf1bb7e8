"""How a column writes its numbers: decimal mark, grouping, currency, percent. Only what is beyond doubt."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from math import isfinite
from typing import Literal, NamedTuple, cast

from ambidex.schema import NumberFormat

PLAIN = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_DRESSED = re.compile(r"([+-]?)\s*([^\d\s.,+-]{0,4})\s*([+-]?[\d.,' \u00a0\u202f]*\d)\s*([^\d\s.,+'-]{0,4})")
_MONEY = frozenset({"$", "€", "£", "¥", "₹", "₩", "₽", "₺", "CHF", "EUR", "USD", "GBP", "kr", "zł", "R$", "US$"})

_SHAPES: tuple[tuple[str, str, str], ...] = (
    (".", "", r"[+-]?(\d+(\.\d*)?|\.\d+)"),
    (",", "", r"[+-]?(\d+(,\d*)?|,\d+)"),
    (".", ",", r"[+-]?\d{1,3}(,\d{3})*(\.\d*)?"),
    (",", ".", r"[+-]?\d{1,3}(\.\d{3})*(,\d*)?"),
    (".", " ", r"[+-]?\d{1,3}([ \u00a0\u202f]\d{3})*(\.\d*)?"),
    (",", " ", r"[+-]?\d{1,3}([ \u00a0\u202f]\d{3})*(,\d*)?"),
    (".", "'", r"[+-]?\d{1,3}('\d{3})*(\.\d*)?"),
    (",", "'", r"[+-]?\d{1,3}('\d{3})*(,\d*)?"),
)


class NumberForm(NamedTuple):
    """The format all texts fit; `doubt` says which two readings there are where the texts fit two."""

    form: NumberFormat
    doubt: str = ""


def number_form(texts: Sequence[str]) -> NumberForm | None:
    """How these stripped, non-missing texts write numbers; None where they are not all numbers."""
    if all(map(PLAIN.fullmatch, texts)):  # 12e4567 is no number but the id of something
        return NumberForm(NumberFormat()) if all(map(isfinite, map(float, texts))) else None
    bodies = []
    dress: set[tuple[str, str]] = set()
    for text in texts:
        match = _DRESSED.fullmatch(text)
        if match is None:
            return None
        sign, prefix, body, suffix = match.groups()
        bodies.append(sign + body)
        if prefix or suffix or body.strip("0.,"):
            dress.add((prefix, suffix))
        if len(dress) > 2:
            return None
    clothes = _one_dress(dress)
    if clothes is None:
        return None
    prefix, suffix = clothes
    return _grouping(bodies, prefix, suffix)


def _one_dress(dress: Iterable[tuple[str, str]]) -> tuple[str, str] | None:
    """The currency or percent sign that all numbers wear (but for zeros, which `dress` leaves out)."""
    worn = set(dress)
    if len(worn) > 1:
        return None
    prefix, suffix = next(iter(worn), ("", ""))
    known = (not prefix or prefix in _MONEY) and (not suffix or suffix in _MONEY or suffix == "%")
    return (prefix, suffix) if known and not (prefix and suffix) else None


def _grouping(bodies: list[str], prefix: str, suffix: str) -> NumberForm | None:
    fits = [(decimal, group) for decimal, group, shape in _SHAPES if all(re.fullmatch(shape, body) for body in bodies)]
    if not fits:
        return None
    marks = {mark for body in bodies for mark in body if mark in ".,' \u00a0\u202f"}
    marks = {" " if mark.isspace() else mark for mark in marks}
    used = [(decimal, group) for decimal, group in fits if marks <= {decimal, group}]
    used = [(decimal, group) for decimal, group in used if group == "" or group in marks]
    first = used[0] if used else fits[0]
    percent = suffix == "%"
    form = NumberFormat(
        decimal=cast(Literal[".", ","], first[0]),
        thousands=cast(Literal["", ",", ".", " ", "'", "_"], first[1]),
        prefix=prefix,
        suffix="" if percent else suffix,
        percent=percent,
    )
    return NumberForm(form, _doubt(bodies, used))


def _doubt(bodies: list[str], fits: list[tuple[str, str]]) -> str:
    """`1,234` may be 1.234 or 1234; a plain `1.234` is read as Python reads it."""
    if (",", "") in fits and (".", ",") in fits and not any(re.match(r"[+-]?0+,", body) for body in bodies):
        example = next(body for body in bodies if "," in body)
        return f"{example!r} may be {example.replace(',', '.')} or {example.replace(',', '')}"
    return ""


def asked_form(decimal: str, texts: Sequence[str]) -> NumberFormat:
    """The format with this decimal mark, the other mark grouping thousands where it occurs."""
    other: Literal[",", "."] = "." if decimal == "," else ","
    mark: Literal[",", "."] = "," if decimal == "," else "."
    return NumberFormat(decimal=mark, thousands=other if any(other in text for text in texts) else "")


def describe(form: NumberFormat) -> str:
    """In words what is unusual about the format; empty where nothing is."""
    parts = []
    if form.decimal == ",":
        parts.append("decimal commas")
    if form.thousands:
        parts.append(f"thousands grouped by {form.thousands!r}")
    if form.prefix or form.suffix:
        parts.append(f"in {form.prefix or form.suffix}")
    if form.percent:
        parts.append("in percent")
    return ", ".join(parts)
