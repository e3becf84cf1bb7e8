"""A forecaster's example request: a history that it was certified on, or one made up on its own clock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ambidex.runtime.answers import written
from ambidex.runtime.series import SeriesPacker
from ambidex.schema import MISSING_TIME, Column

_START_US = 1_704_067_200_000_000  # 2024-01-01
_HOUR_US = 3_600_000_000
_SHOWN = 60
"""Steps of a history that are enough to look at, where the model needs no more."""


def example_series(packer: SeriesPacker, recorded: Mapping[str, list[Any]]) -> dict[str, Any]:
    """One series; `recorded` are a certificate's rows: per column one list of steps per row."""
    history = _recorded_history(packer, recorded)
    return _with_rest(packer, history or _made_up_history(packer))


def _recorded_history(packer: SeriesPacker, recorded: Mapping[str, list[Any]]) -> list[dict[str, Any]]:
    """The end of the last recorded history; nothing where a column or a step lacks."""
    columns = {column.name: (recorded.get(column.name) or [None])[-1] for column in packer.history}
    lengths = {len(values) if isinstance(values, list) else 0 for values in columns.values()}
    least = max(packer.task.min_history, 1)
    if len(lengths) != 1 or (length := lengths.pop()) < least:
        return []
    return [
        {column.name: _shown(column, columns[column.name][step]) for column in packer.history}
        for step in range(length - max(least, min(length, _SHOWN)), length)
    ]


def _shown(column: Column, value: Any) -> Any:
    """A recorded value as a client writes it."""
    if column.kind == "time":
        return written(value) if isinstance(value, int) and value != MISSING_TIME else None
    if column.kind == "flag":
        return None if value is None else bool(value)
    return value


def _made_up_history(packer: SeriesPacker) -> list[dict[str, Any]]:
    """As many equal steps as the model's window needs."""
    from ambidex.server.friendly import example_value

    steps = max(packer.task.min_history, 1)
    frequency = packer.task.frequency
    stamps = frequency.following(_START_US, steps) if frequency else [_START_US + _HOUR_US * k for k in range(steps)]

    def value(column: Column, step: int) -> Any:
        return written(stamps[step]) if column is packer.time else example_value(column)

    return [{column.name: value(column, step) for column in packer.history} for step in range(steps)]


def _with_rest(packer: SeriesPacker, history: list[dict[str, Any]]) -> dict[str, Any]:
    """The history with the known future and the static columns that belong to it."""
    from ambidex.server.friendly import example_value

    series: dict[str, Any] = {"history": history}
    if packer.future:
        row = {column.name: example_value(column) for column in packer.future}
        series["future"] = [row] * packer.task.horizon
    if packer.static:
        series["static"] = {column.name: example_value(column) for column in packer.static}
    return series
