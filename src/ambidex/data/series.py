"""Series from the rows of a table: sorted, without duplicates, on a regular grid, in one array per tensor."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ambidex.data.encode import DTYPES, encode_column, missing_mask, require_columns
from ambidex.data.fill import fill_column
from ambidex.data.grid import Stamps, filled_stamps, infer_frequency, missing_steps
from ambidex.data.table import Table
from ambidex.errors import DataError, expected
from ambidex.schema import Column, Frequency, Schema, packed_layout

MAX_DUPLICATES = 0.1
MAX_FILLED = 1.0
"""More repeated stamps than this share, or more missing steps than this share of the rows, is a mistake in the call."""


@dataclass(frozen=True, slots=True)
class SeriesSet:
    """S series, concatenated in the order of their keys, N steps in all.

    `tensors` has the groups of `packed_layout`: `numbers`, `texts`, `times` and `future_…` are (N, n), `static_…` are
    (S, n). Series s is rows `offsets[s]:offsets[s + 1]`; its targets are known before row `known[s]` (later rows only
    hold known-future covariates). `stamps` (N,) are microseconds, `rows` (N,) the table's row or -1 for an inserted
    step, `keys` (S,) the texts that name each series. `notes` say what was done to the data.
    """

    tensors: dict[str, NDArray[Any]]
    stamps: Stamps
    rows: Stamps
    offsets: Stamps
    known: Stamps
    keys: tuple[tuple[str, ...], ...]
    frequency: Frequency | None
    notes: tuple[str, ...]

    @property
    def num_series(self) -> int:
        return len(self.keys)

    def name(self, series: int) -> str:
        """How a message names the series."""
        key = self.keys[series]
        return f"series {', '.join(map(repr, key))}" if key else "the series"

    def require_history(self, steps: int, *, what: str = "the model") -> None:
        """Raises a `DataError` for the first series with fewer known steps than needed."""
        lengths = self.known - self.offsets[:-1]
        if len(lengths) and lengths.min() < steps:
            short = int(np.argmin(lengths))
            got = f"{int(lengths[short])} in {self.name(short)}"
            fix = "Give more history, or a smaller window."
            raise DataError(expected(f"at least {steps} steps of history for {what}", got=got, fix=fix))


@dataclass(frozen=True, slots=True)
class _Sorted:
    """Rows of the table in series and time order."""

    order: Stamps
    stamps: Stamps
    offsets: Stamps
    keys: tuple[tuple[str, ...], ...]


def series_set(
    schema: Schema, table: Table, *, frequency: Frequency | None = None, keep_future: bool = False
) -> SeriesSet:
    """The series in a table, by the roles of the schema's columns.

    `frequency` is the model's (None: it is inferred). With `keep_future` the rows after each series' last target stay,
    for covariates known in the future; else they are cut. Target columns may be absent only when nothing is to be
    known of them. Raises `DataError` for missing columns, unreadable values, repeated stamps that look like several
    series in one, and targets without any value.
    """
    layouts = packed_layout(schema)
    time, names = _time_column(schema), [column.name for layout in layouts for column in layout.columns]
    require_columns(table, [time.name, *(column.name for column in schema.by_role("series")), *names])
    notes: list[str] = []
    ordered = _ordered(schema, table, time, notes)
    found = frequency or _found_frequency(ordered, notes)
    stamps, rows, offsets = _on_grid(ordered, found, notes)
    source = np.where(rows >= 0, ordered.order[rows], -1)
    tensors = {}
    for layout in layouts:
        columns: list[NDArray[Any]] = []
        for column in layout.columns:
            raw = encode_column(column, table)
            if column.name == time.name:
                columns.append(stamps)
            elif layout.span == "static":
                columns.append(_static(column, raw[ordered.order], ordered, table))
            else:
                columns.append(raw[source])  # inserted rows take any value and are emptied below
                columns[-1][source < 0] = _nothing(column)
        tensors[layout.name] = np.stack(columns, axis=1).astype(DTYPES[layout.columns[0].kind], copy=False)
    whole = SeriesSet(tensors, stamps, source, offsets, offsets[1:].copy(), ordered.keys, found, ())
    trimmed = _trim(whole, len(schema.task.targets), notes, keep_future=keep_future)
    _fill(trimmed, schema, notes)
    return replace(trimmed, notes=tuple(notes))


def _nothing(column: Column) -> float | int | str:
    if column.kind == "text":
        return ""
    return int(np.iinfo(np.int64).min) if column.kind == "time" else np.nan


def _time_column(schema: Schema) -> Column:
    times = schema.by_role("time")
    if len(times) != 1:
        raise DataError(expected("one time column", got=len(times), fix="Name it with --time."))
    return times[0]


def _ordered(schema: Schema, table: Table, time: Column, notes: list[str]) -> _Sorted:
    """Rows by key and time; of rows with the same stamp the last in the table is kept."""
    stamps: Stamps = encode_column(time, table)
    absent = missing_mask(stamps)
    if absent.any():
        place = table.place(int(np.argmax(absent)))
        raise DataError(expected(f"a time in column {time.name!r}", got="none", where=place), where=place)
    codes, keys = _series_codes(schema, table)
    order = np.lexsort((stamps, codes))
    if not np.array_equal(order, np.lexsort((np.arange(len(stamps)), codes))):
        notes.append(f"the rows were not in the order of {time.name}; they are sorted")
    codes, stamps = codes[order], stamps[order]
    repeated = np.zeros(len(order), dtype=bool)
    repeated[:-1] = (codes[:-1] == codes[1:]) & (stamps[:-1] == stamps[1:])
    if repeated.any():
        _check_duplicates(repeated, time, bool(keys[0]))
        notes.append(f"{int(repeated.sum())} repeated stamps in {time.name}: the last row of each is kept")
        order, codes, stamps = order[~repeated], codes[~repeated], stamps[~repeated]
    offsets: Stamps = np.searchsorted(codes, np.arange(len(keys) + 1)).astype(np.int64)
    return _Sorted(order, stamps, offsets, keys)


def _check_duplicates(repeated: NDArray[np.bool_], time: Column, has_keys: bool) -> None:
    if repeated.mean() > MAX_DUPLICATES:
        fix = "" if has_keys else "If the table holds several series, name the columns that tell them apart: --series."
        got = f"{int(repeated.sum())} repeated stamps in {len(repeated)} rows"
        raise DataError(expected(f"one row per series and time in {time.name!r}", got=got, fix=fix), where=time.name)


def _series_codes(schema: Schema, table: Table) -> tuple[Stamps, tuple[tuple[str, ...], ...]]:
    """A number per row that sorts as the keys do, and the keys."""
    columns = [encode_column(column, table).tolist() for column in schema.by_role("series")]
    if not columns:
        return np.zeros(table.num_rows, dtype=np.int64), ((),)
    rows = list(zip(*columns, strict=True))
    keys = tuple(sorted(set(rows)))
    number = {key: position for position, key in enumerate(keys)}
    return np.array([number[row] for row in rows], dtype=np.int64), keys


def _found_frequency(ordered: _Sorted, notes: list[str]) -> Frequency | None:
    frequency, reason = infer_frequency(ordered.stamps, ordered.offsets)
    notes.append(f"step: {reason}" if frequency else f"{reason}; the rows are taken as steps, and no gap is filled")
    return frequency


def _on_grid(ordered: _Sorted, frequency: Frequency | None, notes: list[str]) -> tuple[Stamps, Stamps, Stamps]:
    """Stamps, sorted rows (-1: inserted) and offsets with the missing steps inserted."""
    stamps, offsets = ordered.stamps, ordered.offsets
    unchanged = stamps, np.arange(len(stamps)), offsets
    if frequency is None:
        return unchanged
    missing = missing_steps(stamps, offsets, frequency)
    total = int(missing.sum())
    if not total:
        return unchanged
    if total > MAX_FILLED * len(stamps):
        got = f"{total} missing steps between {len(stamps)} rows"
        fix = "Check the time column, or name the columns that tell series apart: --series."
        raise DataError(expected("rows at a regular step", got=got, fix=fix))
    word = "gap" if np.count_nonzero(missing) == 1 else "gaps"
    steps = "step" if total == 1 else "steps"
    gaps = f"{int(np.count_nonzero(missing))} {word}, the longest of {int(missing.max())}"
    notes.append(f"{total} missing {steps} inserted ({gaps}); their numbers are interpolated in a straight line")
    filled, rows = filled_stamps(stamps, missing, frequency)
    before = np.concatenate([[0], np.cumsum(missing)])
    return filled, rows, offsets + before[offsets]


def _static(column: Column, raw: NDArray[Any], ordered: _Sorted, table: Table) -> NDArray[Any]:
    """One value per series: its first that is not missing. Raises a `DataError` where it changes."""
    result = np.empty(len(ordered.keys), dtype=raw.dtype)
    for series, (begin, end) in enumerate(zip(ordered.offsets[:-1], ordered.offsets[1:], strict=True)):
        part = raw[begin:end]
        present = np.flatnonzero(~missing_mask(part))
        result[series] = part[present[0]] if len(present) else _nothing(column)
        changed = [row for row in present if part[row] != result[series]]
        if changed:
            place = table.place(int(ordered.order[begin + changed[0]]))
            what = f"one value of static column {column.name!r} per series"
            got = f"{result[series]} and {part[changed[0]]}"
            raise DataError(expected(what, got=got, where=place), where=column.name)
    return result


def _trim(series: SeriesSet, num_targets: int, notes: list[str], *, keep_future: bool) -> SeriesSet:
    """Cuts the rows before a series' first whole set of targets and (unless kept) those after its last."""
    targets = series.tensors["numbers"][:, :num_targets]
    whole = ~np.isnan(targets).any(axis=1)
    keep = np.zeros(len(whole), dtype=bool)
    known, offsets = [], [0]
    for number, (begin, end) in enumerate(zip(series.offsets[:-1].tolist(), series.offsets[1:].tolist(), strict=True)):
        present = np.flatnonzero(whole[begin:end])
        if not len(present):
            got = f"none in {series.name(number)}"
            raise DataError(expected("rows with a value for every target", got=got))
        first, last = begin + int(present[0]), begin + int(present[-1]) + 1
        stop = end if keep_future else last
        keep[first:stop] = True
        known.append(offsets[-1] + last - first)
        offsets.append(offsets[-1] + stop - first)
    bounds = replace(series, offsets=np.array(offsets), known=np.array(known))
    if keep.all():
        return bounds
    notes.append(f"{int((~keep).sum())} rows before the first or after the last target value are left out")
    tensors = {name: a if name.startswith("static_") else a[keep] for name, a in series.tensors.items()}
    return replace(bounds, tensors=tensors, stamps=series.stamps[keep], rows=series.rows[keep])


def _fill(series: SeriesSet, schema: Schema, notes: list[str]) -> None:
    """Fills what is missing between known values, in place; says how many target values that were."""
    targets = {target.name for target in schema.task.targets}
    for layout in packed_layout(schema):
        if layout.span == "static":
            continue
        for position, column in enumerate(layout.columns):
            if column.role == "time":
                continue
            values = series.tensors[layout.name][:, position]
            missing = missing_mask(values) & (series.rows >= 0)
            ends = series.known if column.name in targets else series.offsets[1:]
            for begin, end in zip(series.offsets[:-1].tolist(), ends.tolist(), strict=True):
                fill_column(column, values[begin:end], series.stamps[begin:end])
            count = int((missing & ~missing_mask(values)).sum())
            if count and layout.span == "history":
                how = "interpolated in a straight line" if column.kind == "number" else "filled with the one before"
                notes.append(f"{count} missing values of {column.name} are {how}")
