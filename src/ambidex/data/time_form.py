"""How a column writes its times. The order of day and month is decided by the data, never guessed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import NamedTuple

_CLOCKS: tuple[tuple[str, str], ...] = (
    (r"", ""),
    (r"([T ])\d{1,2}:\d{2}", "{}%H:%M"),
    (r"([T ])\d{1,2}:\d{2}:\d{2}", "{}%H:%M:%S"),
    (r"([T ])\d{1,2}:\d{2}:\d{2}\.\d{1,6}", "{}%H:%M:%S.%f"),
    (r"( )\d{1,2}:\d{2} [AaPp][Mm]", "{}%I:%M %p"),
    (r"( )\d{1,2}:\d{2}:\d{2} [AaPp][Mm]", "{}%I:%M:%S %p"),
)
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}([.,]\d+)?)?\s?(Z|[+-]\d{2}:?\d{2})?)?")
_WORDS = r"[A-Za-z]{3,9}"
_DATES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"\d{4}/\d{1,2}/\d{1,2}", ("%Y/%m/%d",)),
    (r"\d{4}\.\d{1,2}\.\d{1,2}", ("%Y.%m.%d",)),
    (r"\d{4}-\d{1,2}-\d{1,2}", ("%Y-%m-%d",)),
    (r"\d{1,2}\.\d{1,2}\.\d{4}", ("%d.%m.%Y",)),
    (r"\d{1,2}\.\d{1,2}\.\d{2}", ("%d.%m.%y",)),
    (r"\d{1,2}/\d{1,2}/\d{4}", ("%m/%d/%Y", "%d/%m/%Y")),
    (r"\d{1,2}/\d{1,2}/\d{2}", ("%m/%d/%y", "%d/%m/%y")),
    (r"\d{1,2}-\d{1,2}-\d{4}", ("%m-%d-%Y", "%d-%m-%Y")),
    (rf"\d{{1,2}}[- ]{_WORDS}[- ]\d{{4}}", ("%d-%b-%Y", "%d %b %Y", "%d-%B-%Y", "%d %B %Y")),
    (rf"\d{{1,2}}[- ]{_WORDS}[- ]\d{{2}}", ("%d-%b-%y", "%d %b %y")),
    (rf"{_WORDS} \d{{1,2}}, \d{{4}}", ("%b %d, %Y", "%B %d, %Y")),
)
_MONTHS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (rf"{_WORDS}[- ]\d{{4}}", ("%b-%Y", "%b %Y", "%B-%Y", "%B %Y")),
    (rf"{_WORDS}-\d{{2}}", ("%b-%y",)),
    (r"\d{4}-\d{2}", ("%Y-%m",)),
    (r"\d{4}/\d{2}", ("%Y/%m",)),
    (r"\d{1,2}/\d{4}", ("%m/%Y",)),
)
_DIGITS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"(1[5-9]|2[0-9])\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])", ("%Y%m%d",)),
    (r"(1[5-9]|2[0-9])\d{2}(0[1-9]|1[0-2])", ("%Y%m",)),
    (r"(1[5-9]|2[0-9])\d{2}", ("%Y",)),
)
SAMPLE = 2000


class TimeForm(NamedTuple):
    """`pattern` is empty for ISO 8601; `doubt` says that day and month could be either way round."""

    pattern: str
    example: str
    doubt: str = ""


def time_form(texts: Sequence[str], *, digits: bool) -> TimeForm | None:
    """How these distinct, stripped, non-missing texts (in file order) write times; None where they do not.

    `digits` also takes 20160701, 201607 and 2016, which are numbers elsewhere.
    """
    if not texts:
        return None
    if all(map(_ISO.fullmatch, texts)):
        return TimeForm("", texts[0]) if _reads_iso(texts) else None
    candidates = [pattern for pattern in _candidates(texts[0], digits=digits) if _reads(texts, pattern)]
    if not candidates:
        return None
    if len(candidates) == 1 or not _is_day_month(candidates):
        return TimeForm(candidates[0], texts[0])
    for is_likely in (_is_ordered, _is_even):
        likely = [pattern for pattern in candidates if is_likely(texts, pattern)]
        if len(likely) == 1:
            return TimeForm(likely[0], texts[0])
    return TimeForm(candidates[0], texts[0], doubt=f"{texts[0]!r} may be {' or '.join(candidates)}")


def _candidates(text: str, *, digits: bool) -> list[str]:
    """Patterns whose shape the text has."""
    if digits:
        for shape, patterns in _DIGITS:
            if re.fullmatch(shape, text):
                return list(patterns)
    found = [pattern for shape, patterns in _MONTHS if re.fullmatch(shape, text) for pattern in patterns]
    for shape, patterns in _DATES:
        for clock, clock_pattern in _CLOCKS:
            match = re.fullmatch(shape + clock, text)
            if match:
                mark = match.group(1) if clock else ""
                found += [pattern + clock_pattern.format(mark) for pattern in patterns]
    return found


def _is_day_month(candidates: list[str]) -> bool:
    """Whether the candidates differ in the order of numbers, not only in the spelling of months."""
    return len({pattern.replace("%B", "%b") for pattern in candidates}) > 1


def _sample(texts: Sequence[str]) -> Sequence[str]:
    step = max(1, len(texts) // SAMPLE)
    return texts[::step]


def _reads_iso(texts: Sequence[str]) -> bool:
    try:
        for text in _sample(texts):
            datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _reads(texts: Sequence[str], pattern: str) -> bool:
    """All texts, not a sample: one 13 decides between day and month."""
    try:
        for text in texts:
            datetime.strptime(text, pattern)
    except ValueError:
        return False
    return True


def _is_ordered(texts: Sequence[str], pattern: str) -> bool:
    stamps = [datetime.strptime(text, pattern) for text in texts]
    rises = all(a <= b for a, b in pairwise(stamps))
    return len(stamps) > 2 and (rises or all(a >= b for a, b in pairwise(stamps)))


def _is_even(texts: Sequence[str], pattern: str) -> bool:
    """Whether no step is twice as long as another: months are even, and the first to twelfth of January are not."""
    stamps = [datetime.strptime(text, pattern) for text in texts]
    steps = [abs(b - a) for a, b in pairwise(stamps)]
    return len(steps) > 1 and max(steps) < 2 * min(steps)
