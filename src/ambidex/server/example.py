"""A forecaster's example request: as many steps as its window needs, on its own clock."""

from __future__ import annotations

from typing import Any

from ambidex.runtime.answers import written
from ambidex.runtime.series import SeriesPacker
from ambidex.schema import Column

_START_US = 1_704_067_200_000_000  # 2024-01-01
_HOUR_US = 3_600_000_000


def example_series(packer: SeriesPacker) -> dict[str, Any]:
    """One series with a history of the least length that the model reads."""
    from ambidex.server.friendly import example_value

    steps = max(packer.task.min_history, 1)
    frequency = packer.task.frequency
    stamps = frequency.following(_START_US, steps) if frequency else [_START_US + _HOUR_US * k for k in range(steps)]

    def value(column: Column, step: int) -> Any:
        return written(stamps[step]) if column is packer.time else example_value(column)

    series: dict[str, Any] = {
        "history": [{column.name: value(column, step) for column in packer.history} for step in range(steps)]
    }
    if packer.future:
        row = {column.name: example_value(column) for column in packer.future}
        series["future"] = [row] * packer.task.horizon
    if packer.static:
        series["static"] = {column.name: example_value(column) for column in packer.static}
    return series
