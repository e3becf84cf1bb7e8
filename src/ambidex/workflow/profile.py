"""Profiles of training data: quantile bins of numbers, shares of known levels, and how often values are missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from ambidex.artifact.profile import ColumnProfile, Profile
from ambidex.schema import Schema, Task, packed_layout

Array = npt.NDArray[Any]
BINS = 10
"""Deciles, as scorecards are watched with (Siddiqi, Credit Risk Scorecards, 2006, ch. 9)."""
MAX_ROWS = 100_000
"""Rows that are enough to know shares by."""
LEVELS = 10
"""The most frequent levels that get a bin of their own. Only levels that the schema lists: others may be private."""


def input_profile(schema: Schema, packed: Mapping[str, Array]) -> Profile:
    """The columns of packed raw rows (B, n), for series of steps (T, n). Times are left out: they always move on."""
    columns: dict[str, ColumnProfile] = {}
    rows = 0
    for layout in packed_layout(schema):
        if layout.span in ("row", "history") and layout.dtype != "int64":
            values = _thinned(packed[layout.name])
            rows = len(values)
            for position, column in enumerate(layout.columns):
                one = values[:, position]
                found = _texts(one, column.levels) if layout.dtype == "string" else _numbers(one)
                if found is not None:
                    columns[column.name] = found
    return Profile(rows=rows, inputs=columns)


def with_answers(profile: Profile, task: Task, outputs: Mapping[str, Array]) -> Profile:
    """The profile with a model's answers: classes (B,), values (B,), or forecasts (B, H), of which the first step."""
    answers: dict[str, ColumnProfile] = {}
    count = 0
    for target in task.targets:
        values = outputs.get(target.name, np.empty(0))  # an input may have the target's name, then it has none
        count = max(count, len(values))
        first = values.reshape(len(values), -1)[:, 0] if len(values) else values
        found = _texts(first, target.classes) if target.classes else _numbers(first)
        if found is not None:
            answers[target.name] = found
    return msgspec.structs.replace(profile, answers=count, outputs=answers)


def _numbers(values: Array) -> ColumnProfile | None:
    """Bins between distinct values where there are few, else deciles; a value on an edge is below it."""
    values = values.astype(np.float64)
    known = values[np.isfinite(values)]
    if not len(known):
        return None
    distinct = np.unique(known)
    if len(distinct) <= BINS:
        edges = np.unique(distinct[1:] / 2 + distinct[:-1] / 2)
    else:
        edges = np.unique(np.quantile(known, np.arange(1, BINS) / BINS, method="lower"))
    counts = np.bincount(np.searchsorted(edges, known, side="left"), minlength=len(edges) + 1)
    return ColumnProfile(
        kind="number",
        edges=tuple(edges.tolist()),
        shares=tuple((counts / len(known)).tolist()),
        missing=1 - len(known) / len(values),
    )


def _texts(values: Array, levels: tuple[str | int, ...]) -> ColumnProfile | None:
    counts = Counter(values.tolist())
    missing = counts.pop("", 0)
    known = counts.total()
    if not known:
        return None
    kept = sorted(levels, key=lambda level: -counts[level])[:LEVELS]
    shares = [counts[level] / known for level in kept]
    others = max(known - sum(counts[level] for level in kept), 0) / known
    return ColumnProfile(kind="text", levels=tuple(kept), shares=(*shares, others), missing=missing / (known + missing))


def _thinned(values: Array) -> Array:
    """At most `MAX_ROWS` rows, evenly spread."""
    return values[:: -(-len(values) // MAX_ROWS)] if len(values) else values
