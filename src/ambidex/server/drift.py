"""How far live inputs and answers have moved from those of training, as a population stability index per column.

PSI = sum over bins of (live - reference) · ln(live / reference), a symmetric Kullback-Leibler divergence (Kullback and
Leibler, On Information and Sufficiency, 1951); below 0.1 nothing has moved, from 0.25 on it has (Siddiqi, Credit Risk
Scorecards, 2006). A sample of the rows is counted, a second's worth at a time, so that answers do not wait for it.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import deque
from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import isnan, log
from typing import Any

import msgspec

from ambidex.artifact.profile import ColumnProfile, Profile
from ambidex.runtime.predictor import Predictor
from ambidex.schema import Tensor

ROWS_PER_S = 100
"""Rows that are looked at per second."""
ROWS_PER_RUN = 25
"""Rows of one run that are looked at, evenly spread."""
BLOCK_ROWS, BLOCK_S, BLOCKS = 500, 60.0, 10
"""The window is the last ten blocks; a block ends when it has that many rows and is that old."""
ENOUGH = 200
"""Rows below which chance alone moves the index: it adds about (bins - 1) / rows."""
SLIGHT, LARGE = 0.1, 0.25

Counts = dict[str, list[int]]
"""Per column the rows in each bin, and last the missing ones."""
Sample = tuple[Mapping[str, Sequence[Any]], Mapping[str, Any]]


class Bins:
    """Finds the bin of a value; the one behind the last is for missing ones."""

    def __init__(self, one: ColumnProfile) -> None:
        self._edges = one.edges
        self._levels = {level: position for position, level in enumerate(one.levels)}
        self._is_text = one.kind == "text"
        self._missing = len(one.shares)

    def of(self, value: Any) -> int:
        if self._is_text:
            return self._missing if value == "" else self._levels.get(value, self._missing - 1)
        return self._missing if isnan(value) else bisect_left(self._edges, value)


class Block:
    """Counts of a stretch of time."""

    def __init__(self, profile: Profile) -> None:
        self.began = time.time()
        self.rows = 0
        self.inputs: Counts = {name: [0] * (len(one.shares) + 1) for name, one in profile.inputs.items()}
        self.outputs: Counts = {name: [0] * (len(one.shares) + 1) for name, one in profile.outputs.items()}


class Drift:
    """Watches one model. `observe` may be called by any thread, the rest by the event loop."""

    def __init__(self, predictor: Predictor, profile: Profile) -> None:
        self.profile = profile = fitting(profile, predictor)
        self._parts = [
            (layout.name, [column.name if column.name in profile.inputs else "" for column in layout.columns])
            for layout in predictor.layouts
            if layout.span in ("row", "history")
        ]
        self._inputs = {name: Bins(one) for name, one in profile.inputs.items()}
        self._outputs = {name: Bins(one) for name, one in profile.outputs.items()}
        self._pending: deque[Sample] = deque()
        self._budget = ROWS_PER_S
        self._blocks: deque[Block] = deque([Block(profile)], maxlen=BLOCKS)

    @property
    def is_taking(self) -> bool:
        """Whether the next run will be looked at."""
        return self._budget > 0

    def observe(self, feeds: Mapping[str, Tensor], outputs: Mapping[str, Tensor]) -> None:
        """Takes a few rows of a run, if it has all answers; almost free once the second's share is used up."""
        if not self.is_taking or not self.profile.outputs.keys() <= outputs.keys():
            return
        count = next(iter(feeds.values())).shape[0]
        chosen = range(0, count, -(-count // ROWS_PER_RUN) or 1)
        self._budget -= len(chosen)
        for row in chosen:
            inputs = {name: last_step(feeds[name], row) for name, _ in self._parts}
            answers = {name: first_value(outputs[name], row) for name in self.profile.outputs}
            self._pending.append((inputs, answers))

    def digest(self) -> None:
        """Counts what was taken since the last time; called once a second."""
        self._budget = ROWS_PER_S
        block = self._blocks[-1]
        if block.rows >= BLOCK_ROWS and time.time() - block.began >= BLOCK_S:
            block = Block(self.profile)
            self._blocks.append(block)
        while self._pending:
            inputs, answers = self._pending.popleft()
            block.rows += 1
            for part, names in self._parts:
                for name, value in zip(names, inputs[part], strict=True):
                    if name:
                        block.inputs[name][self._inputs[name].of(value)] += 1
            for name, value in answers.items():
                block.outputs[name][self._outputs[name].of(value)] += 1

    def counts(self) -> dict[str, Any]:
        """The window, as data that other processes can be told."""
        self.digest()
        return {
            "since": self._blocks[0].began,
            "rows": sum(block.rows for block in self._blocks),
            "inputs": added([block.inputs for block in self._blocks]),
            "outputs": added([block.outputs for block in self._blocks]),
        }


def fitting(profile: Profile, predictor: Predictor) -> Profile:
    """The profile without what is not about this model's columns and answers."""
    kinds = {column.name: _KINDS.get(layout.dtype) for layout in predictor.layouts for column in layout.columns}
    answers = {target.name: "text" if target.classes else "number" for target in predictor.schema.task.targets}
    return msgspec.structs.replace(
        profile,
        inputs={name: one for name, one in profile.inputs.items() if kinds.get(name) == one.kind},
        outputs={name: one for name, one in profile.outputs.items() if answers.get(name) == one.kind},
    )


_KINDS = {"float64": "number", "string": "text"}


def last_step(tensor: Tensor, row: int) -> list[Any]:
    """The values of a row (B, n); of a history (B, T, n) its last step, which alone is new."""
    width = tensor.shape[-1]
    steps = tensor.shape[1] if len(tensor.shape) == 3 else 1
    start = ((row + 1) * steps - 1) * width
    return list(tensor.data[start : start + width])


def first_value(tensor: Tensor, row: int) -> Any:
    """A row's answer; of a forecast (B, H) the first step."""
    return tensor.data[row * (tensor.shape[1] if len(tensor.shape) > 1 else 1)]


def added(parts: Sequence[Counts]) -> Counts:
    """The sums."""
    return {name: [sum(column) for column in zip(*(part[name] for part in parts), strict=True)] for name in parts[0]}


def merged(windows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The windows of several processes as one."""
    return {
        "since": min(window["since"] for window in windows),
        "rows": sum(window["rows"] for window in windows),
        "inputs": added([window["inputs"] for window in windows]),
        "outputs": added([window["outputs"] for window in windows]),
    }


def stability_index(one: ColumnProfile, counts: Sequence[int]) -> float:
    """The PSI of live counts; empty bins count half a row, so that it stays finite."""
    known = 1 - one.missing
    reference = [*(share * known for share in one.shares), one.missing]
    total, pad = max(sum(counts), 1), 0.5
    index = 0.0
    for share, count in zip(reference, counts, strict=True):
        if share == 0 and count == 0:
            continue
        live = max(count, pad) / total
        trained = max(share, pad / total)
        index += (live - trained) * log(live / trained)
    return index


def verdict(index: float) -> str:
    """The index in a word."""
    return "stable" if index < SLIGHT else "moving" if index < LARGE else "shifted"


def report(profile: Profile, window: Mapping[str, Any]) -> dict[str, Any]:
    """What `GET …/drift` shows; columns have an index once `ENOUGH` rows were seen, the furthest first."""
    is_enough = window["rows"] >= ENOUGH
    return {
        "rows": window["rows"],
        "needed": ENOUGH,
        "since": window["since"],
        "reference_rows": profile.rows,
        "inputs": _columns(profile.inputs, window["inputs"], is_enough=is_enough),
        "outputs": _columns(profile.outputs, window["outputs"], is_enough=is_enough),
    }


def _columns(profiles: Mapping[str, ColumnProfile], counts: Counts, *, is_enough: bool) -> list[dict[str, Any]]:
    columns = []
    for name, one in profiles.items():
        total = max(sum(counts[name]), 1)
        index = round(stability_index(one, counts[name]), 4) if is_enough else None
        known = 1 - one.missing
        columns.append(
            {
                "name": name,
                "psi": index,
                "state": "waiting" if index is None else verdict(index),
                "bins": bin_names(one),
                "reference": [round(share, 4) for share in (*(share * known for share in one.shares), one.missing)],
                "live": [round(count / total, 4) for count in counts[name]],
            }
        )
    return sorted(columns, key=lambda column: -(column["psi"] or 0))


def bin_names(one: ColumnProfile) -> list[str]:
    """The bins in words."""
    if one.kind == "text":
        return [*map(str, one.levels), "others", "missing"]
    edges = [f"{edge:.6g}" for edge in one.edges]
    if not edges:
        return ["all", "missing"]
    between = [f"{low} to {high}" for low, high in pairwise(edges)]
    return [f"up to {edges[0]}", *between, f"over {edges[-1]}", "missing"]
