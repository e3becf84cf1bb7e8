"""The command that advice ends in, with what is known of the data, from flags or from a report of the same data."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from itertools import pairwise

from ambidex.compare.comparison import Comparison

TAKEN_OVER: tuple[str, ...] = ("--target", "--task", "--drop", "--time", "--horizon", "--series", "--past")
"""The flags of a measured command that say what the data is."""
UNKNOWN = "…"


def data_words(file: str, time: str, reports: Sequence[Comparison]) -> str:
    """The file of data and the flags that describe it, as `train` and `compare` take them."""
    words = _words(reports[0].setting.command) if reports else []
    known = {flag: value for flag, value in pairwise(words) if flag in TAKEN_OVER}
    if not file and words[:2] == ["ambidex", "compare"] and len(words) > 2:
        file = words[2]
    known = {"--target": UNKNOWN, **known}
    if time:
        known = {**known, "--time": time, "--horizon": known.get("--horizon", UNKNOWN)}
    flags = [f"{flag} {value if value == UNKNOWN else shlex.quote(value)}" for flag, value in known.items()]
    return " ".join([shlex.quote(file) if file else "DATA", *flags])


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:  # nobody vouches for what stands in a report
        return []
