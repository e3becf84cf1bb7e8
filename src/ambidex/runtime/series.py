"""Histories of named values into the tensors a forecaster takes: windows, known futures, and the stamps that follow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from operator import lt

import msgspec

from ambidex.errors import DataError, expected, one_of
from ambidex.runtime.rows import LATEST_US, Packing, Reader, check_names, member, read_row, refusal, shown
from ambidex.schema import MISSING_TIME, Schema, Tensor, packed_layout

MEMBERS = ("history", "future", "static")
"""Of a series; only the first is always there."""


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """One series, ready to be packed: values in the layouts' order, and the stamps of its forecast.

    `history` has one tuple per step (the last `max_history` of them), `future` one per forecast step, `static` one;
    `keys` is what names the series.
    """

    history: Sequence[Sequence[object]]
    future: Sequence[Sequence[object]]
    static: Sequence[object]
    stamps: Sequence[int]
    keys: dict[str, object]


class SeriesPacker:
    """What a forecaster's schema asks of a series."""

    def __init__(self, schema: Schema) -> None:
        self.task = schema.task
        layouts = packed_layout(schema)
        self._packings = {
            span: Packing([layout for layout in layouts if layout.span == span])
            for span in ("history", "future", "static")
        }
        self.history = self._packings["history"].columns
        self.future = self._packings["future"].columns
        self.static = self._packings["static"].columns
        self.time = next(iter(schema.by_role("time")), None)
        self.time_at = self.history.index(self.time) if self.time is not None else -1
        self.keys = tuple(column.name for column in schema.by_role("series"))

    def read(self, series: Mapping[str, object], read: Reader, where: str) -> Window:
        """A window from `{"history": [{…}], "future": [{…}], "static": {…}}`. Raises `DataError` with the place."""
        _check_members(series, where)
        rows = _rows(series["history"], f"{where}.history")
        history = self._read_history(rows, read, f"{where}.history")
        future, given = self._read_future(series.get("future"), read, f"{where}.future")
        keys = {name: rows[-1][name] for name in self.keys if rows and name in rows[-1]}
        static = self._read_static(series.get("static"), read, f"{where}.static")
        return self.window(history, future, static, given_stamps=given, keys=keys, where=where)

    def _read_history(self, rows: Sequence[Mapping[str, object]], read: Reader, where: str) -> list[tuple[object, ...]]:
        names = dict.fromkeys(column.name for column in self.history)
        typed = []
        for position, row in enumerate(rows):
            place = f"{where}[{position}]"
            check_names(row, names, place, optional=self.keys)
            typed.append(read_row(self.history, row, read, place))
        return typed

    def _read_future(
        self, value: object, read: Reader, where: str
    ) -> tuple[list[tuple[object, ...]], list[int] | None]:
        """The known future, and its stamps where it has them."""
        rows = _rows(value, where) if value is not None else []
        names = dict.fromkeys(column.name for column in self.future)
        optional = (*self.keys, *((self.time.name,) if self.time else ()))
        typed, stamps = [], []
        for position, row in enumerate(rows):
            place = f"{where}[{position}]"
            check_names(row, names, place, optional=optional)
            typed.append(read_row(self.future, row, read, place))
            if self.time is not None and self.time.name in row:
                stamps.append(read(self.time, row[self.time.name], member(place, self.time.name)))
        return typed, [int(stamp) for stamp in stamps] if stamps and len(stamps) == len(rows) else None

    def _read_static(self, value: object, read: Reader, where: str) -> tuple[object, ...]:
        if value is None and not self.static:
            return ()
        row = value if value is not None else {}
        if not isinstance(row, Mapping):
            raise refusal("wrong_type", expected("an object", got=shown(row), where=where), where)
        check_names(row, dict.fromkeys(column.name for column in self.static), where)
        return read_row(self.static, row, read, where)

    def window(
        self,
        history: Sequence[Sequence[object]],
        future: Sequence[Sequence[object]],
        static: Sequence[object],
        *,
        given_stamps: Sequence[int] | None,
        keys: dict[str, object],
        where: str,
    ) -> Window:
        """The window of a typed series: its length, order and future checked, its last steps kept."""
        task = self.task
        place = f"{where}.history"
        if len(history) < max(task.min_history, 1):
            message = expected(f"a history of at least {task.min_history} rows", got=len(history), where=place)
            raise refusal("history_too_short", message, place)
        self._check_future(future, f"{where}.future")
        if task.max_history is not None:
            history = history[-task.max_history :]
        stamps = self._stamps(history, given_stamps, where)
        return Window(history=history, future=future, static=static, stamps=stamps, keys=keys)

    def _check_future(self, future: Sequence[object], where: str) -> None:
        wanted = self.task.horizon if self.future else 0
        if len(future) == wanted or (not wanted and len(future) == self.task.horizon):
            return
        what = f"{wanted} rows, one per forecast step" if wanted else "none: this model knows no future columns"
        raise refusal("wrong_future", expected(what, got=f"{len(future)} rows", where=where), where)

    def _stamps(self, history: Sequence[Sequence[object]], given: Sequence[int] | None, where: str) -> Sequence[int]:
        """The forecast's times, after checking that the history's rise. Empty for a series without a time column."""
        if self.time is None:
            return ()
        times: list[int] = [row[self.time_at] for row in history]  # type: ignore[misc]
        bad = first_not_rising(times)
        if bad is not None:
            raise self._not_rising(f"{where}.history[{bad}]")
        if given is not None:
            bad = first_not_rising([times[-1], *given])
            if bad is not None:
                raise self._not_rising(f"{where}.future[{bad - 1}]")
            return given
        if self.task.frequency is None:
            return ()
        try:
            stamps = self.task.frequency.following(times[-1], self.task.horizon)
        except (OverflowError, ValueError):
            stamps = [LATEST_US + 1]
        if stamps[-1] > LATEST_US:
            place = f"{where}.history"
            raise refusal(
                "out_of_range", expected("a forecast before the year 10000", got="one after it", where=place), place
            )
        return stamps

    def _not_rising(self, row: str) -> DataError:
        assert self.time is not None
        place = member(row, self.time.name)
        message = expected("times that rise from row to row, none missing", got="one that does not", where=place)
        return refusal("wrong_order", message, place)

    def groups(self, windows: Sequence[Window]) -> Iterator[tuple[list[int], dict[str, Tensor]]]:
        """The windows of each length: their positions and the tensors that hold them."""
        lengths: dict[int, list[int]] = {}
        for position, window in enumerate(windows):
            lengths.setdefault(len(window.history), []).append(position)
        for length, positions in lengths.items():
            chosen = [windows[position] for position in positions]
            yield positions, self._pack(chosen, length)

    def _pack(self, windows: Sequence[Window], length: int) -> dict[str, Tensor]:
        count = len(windows)
        feeds = self._packings["history"].pack([row for window in windows for row in window.history], (count, length))
        if self.future:
            steps = [row for window in windows for row in window.future]
            feeds |= self._packings["future"].pack(steps, (count, self.task.horizon))
        if self.static:
            feeds |= self._packings["static"].pack([window.static for window in windows], (count,))
        return feeds


def _check_members(series: Mapping[str, object], where: str) -> None:
    """Raises `DataError` for a member that no series has, or without a history."""
    for name in series:
        if name not in MEMBERS:
            place = member(where, name)
            message = expected(one_of(MEMBERS, name), got=f"member {shown(name)}", where=place)
            raise refusal("unknown_member", message, place)
    if "history" not in series:
        place = member(where, "history")
        raise refusal("missing_member", expected("the member 'history'", got="none", where=place), place)


def first_not_rising(times: Sequence[int]) -> int | None:
    """Where times stop rising, or a first one is missing; None where all is well."""
    if times[0] == MISSING_TIME:
        return 0
    if all(map(lt, times, times[1:])):
        return None
    return next(at for at in range(1, len(times)) if times[at] <= times[at - 1])


def _rows(value: object, where: str) -> Sequence[Mapping[str, object]]:
    """The value as a list of objects."""
    if not isinstance(value, (list, tuple)):
        raise refusal("wrong_type", expected("a list of objects", got=shown(value), where=where), where)
    for position, row in enumerate(value):
        if not isinstance(row, Mapping):
            place = f"{where}[{position}]"
            raise refusal("wrong_type", expected("an object", got=shown(row), where=place), place)
    return value
