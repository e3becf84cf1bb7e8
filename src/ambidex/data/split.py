"""Divides rows into a part to fit on and a part to validate on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ambidex.data.encode import missing_mask
from ambidex.data.table import Table
from ambidex.errors import DataError, UsageError, expected

Index = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Split:
    """Ascending row indices of both parts, which share no row and cover every row; `notes` say what was done."""

    train: Index
    validation: Index
    notes: tuple[str, ...] = field(default=())


def split_table(
    table: Table, how: str, *, fraction: float, seed: int,
    labels: NDArray[Any] | None = None, times: NDArray[np.int64] | None = None,
) -> Split:  # fmt: skip
    """Splits as asked: `random` (stratified where `labels` are given), `time`, `group:COL` or `hash:COL`.

    `labels` (B,) are classes; `times` (B,) microseconds are needed for `time`. Raises `UsageError` for an unknown
    way, `DataError` where the table cannot be divided so.
    """
    name, _, column = how.partition(":")
    if name in ("group", "hash") and column:
        texts = ["" if value is None else str(value) for value in _plain(table.column(column))]
        if name == "group":
            return group_split(texts, fraction, seed)
        return hash_split(texts, fraction)
    if how == "time":
        if times is None:
            fix = "Name one with --time, or split another way."
            raise UsageError(expected("a time column to split by", got="none", fix=fix))
        return time_split(times, fraction)
    if how == "random":
        if labels is not None:
            return stratified_split(labels, fraction, seed)
        return random_split(table.num_rows, fraction, seed)
    raise UsageError(expected("a split of random, time, group:COL or hash:COL", got=repr(how)))


def _plain(values: Any) -> list[Any]:
    return list(values.tolist() if isinstance(values, np.ndarray) else values)


def _count(num_rows: int, fraction: float) -> int:
    """How many rows to validate on: at least one, and at least one is left."""
    if not 0 < fraction < 1:
        raise UsageError(expected("a validation fraction between 0 and 1", got=fraction))
    if num_rows < 2:
        raise DataError(expected("at least 2 rows to split into training and validation", got=num_rows))
    return min(max(round(num_rows * fraction), 1), num_rows - 1)


def _split(is_validation: NDArray[np.bool_], *notes: str) -> Split:
    return Split(np.flatnonzero(~is_validation), np.flatnonzero(is_validation), tuple(note for note in notes if note))


def random_split(num_rows: int, fraction: float, seed: int) -> Split:
    """Rows drawn without regard to anything."""
    chosen = np.random.default_rng(seed).permutation(num_rows)[: _count(num_rows, fraction)]
    is_validation = np.zeros(num_rows, dtype=bool)
    is_validation[chosen] = True
    return _split(is_validation, f"{len(chosen)} of {num_rows} rows, drawn at random, are for validation")


def stratified_split(labels: NDArray[Any] | Sequence[Any], fraction: float, seed: int) -> Split:
    """Rows drawn within each class, so that both parts have the same shares; each class keeps a training row.

    A class of one row goes to training. Shares are rounded so that the whole is the wanted number (largest remainder).
    """
    classes, codes, counts = np.unique(np.asarray(labels), return_inverse=True, return_counts=True)
    total = _count(len(codes), fraction)
    taken = _shares(counts, total)
    order = np.random.default_rng(seed).permutation(len(codes))
    by_class = order[np.argsort(codes[order], kind="stable")]  # rows by class, in random order within
    rank = np.empty(len(codes), dtype=np.int64)
    rank[by_class] = np.arange(len(codes)) - np.repeat(np.cumsum(counts) - counts, counts)
    is_validation = rank < taken[codes]
    if not is_validation.any():
        return random_split(len(codes), fraction, seed)
    single = [str(name) for name, count in zip(classes, counts, strict=True) if count == 1]
    note = f"classes with one row are in training only: {', '.join(single[:10])}" if single else ""
    drawn = f"{int(is_validation.sum())} of {len(codes)} rows, drawn at random within each class, are for validation"
    return _split(is_validation, drawn, note)


def _shares(counts: NDArray[np.int64], total: int) -> NDArray[np.int64]:
    """How many rows of each class to take so that they sum to `total` where each class can leave one behind."""
    limit: NDArray[np.int64] = counts - 1
    ideal = counts * (total / counts.sum())
    taken: NDArray[np.int64] = np.minimum(np.floor(ideal).astype(np.int64), limit)
    for position in np.argsort(-(ideal - np.floor(ideal)), kind="stable"):
        if taken.sum() >= total:
            break
        if taken[position] < limit[position]:
            taken[position] += 1
    return taken


def time_split(times: NDArray[np.int64], fraction: float) -> Split:
    """The latest rows; rows of one moment stay together, and rows without a time are for training."""
    absent = missing_mask(times)
    known = np.sort(times[~absent])
    if not len(known):
        raise DataError(expected("times to split by", got="none: every one is missing"))
    position = len(known) - _count(len(known), fraction)
    border = known[position]
    if border == known[0]:  # everything up to the border is one moment: begin after it
        later = known[known > border]
        if not len(later):
            raise DataError(expected("at least two different times to split by", got="one"))
        border = later[0]
    is_validation = (times >= border) & ~absent
    moment = np.datetime64(int(border), "us").astype("datetime64[s]")
    note = f"{int(absent.sum())} rows without a time are for training" if absent.any() else ""
    return _split(is_validation, f"{int(is_validation.sum())} rows from {moment} on are for validation", note)


def group_split(groups: Sequence[str], fraction: float, seed: int) -> Split:
    """Whole groups, drawn at random until the wanted number of rows is reached as closely as may be."""
    names, codes, counts = np.unique(np.asarray(groups, dtype=object), return_inverse=True, return_counts=True)
    if len(names) < 2:
        raise DataError(expected("at least 2 groups to split by", got=len(names)))
    total = _count(len(codes), fraction)
    order = np.random.default_rng(seed).permutation(len(names))
    reached = np.cumsum(counts[order])
    number = int(np.argmin(np.abs(reached - total))) + 1
    number = min(number, len(names) - 1)
    is_validation = np.isin(codes, order[:number])
    rows = int(is_validation.sum())
    return _split(is_validation, f"{number} of {len(names)} groups ({rows} rows) are for validation")


def hash_split(texts: Sequence[str], fraction: float) -> Split:
    """Rows whose text's BLAKE2b hash, as a number in [0, 1), is below the fraction: the same in every file and run."""
    _count(len(texts), fraction)
    limit = math.floor(fraction * 2**64)
    chosen = {text: int.from_bytes(blake2b(text.encode(), digest_size=8).digest()) < limit for text in set(texts)}
    is_validation = np.array([chosen[text] for text in texts], dtype=bool)
    if is_validation.all() or not is_validation.any():
        got = f"all {len(texts)} rows in one part ({len(chosen)} different values)"
        raise DataError(expected("rows for training and for validation", got=got, fix="Split by another column."))
    return _split(is_validation, f"{int(is_validation.sum())} of {len(texts)} rows, by hash, are for validation")
