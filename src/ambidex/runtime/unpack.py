"""Packed tensors back into rows and series by column name, for a log that people read."""

from __future__ import annotations

from collections.abc import Mapping
from math import isnan, prod
from typing import Any

from ambidex.runtime.answers import row_answers, series_answer, values, written
from ambidex.runtime.predictor import Predictor
from ambidex.schema import MISSING_TIME, Column, Layout, Tensor

Plain = dict[str, Any]


def unpacked(predictor: Predictor, feeds: Mapping[str, Tensor], count: int) -> list[Plain]:
    """What was asked: `{"age": 39.0, …}` per row, `{"history": [{…}, …], …}` per series; null is missing."""
    found: list[Plain] = [{} for _ in range(count)]
    for layout in predictor.layouts:
        steps = _steps(layout, feeds[layout.name], count)
        for row, of_row in zip(found, steps, strict=True):
            if layout.span == "row":
                row.update(of_row[0])
            elif layout.span == "static":
                row.setdefault("static", {}).update(of_row[0])
            else:
                for step, part in zip(row.setdefault(layout.span, [{} for _ in of_row]), of_row, strict=True):
                    step.update(part)
    return found


def _steps(layout: Layout, tensor: Tensor, count: int) -> list[list[Plain]]:
    """Per row its steps, of which a table's row has one."""
    columns = layout.columns
    length = tensor.shape[1] if len(tensor.shape) == 3 else 1
    flat = values(tensor, 0, count * length * len(columns))
    steps = [
        {
            column.name: _plain(column, value)
            for column, value in zip(columns, flat[at : at + len(columns)], strict=True)
        }
        for at in range(0, len(flat), len(columns))
    ]
    return [steps[at : at + length] for at in range(0, len(steps), length)]


def _plain(column: Column, value: Any) -> Any:
    """A value as a client writes it."""
    if column.kind == "time":
        return None if value == MISSING_TIME else written(value)
    if column.kind == "text":
        return value or None
    if isnan(value):
        return None
    return bool(value) if column.kind == "flag" else value


def told(predictor: Predictor, outputs: Mapping[str, Tensor], start: int, stop: int) -> list[Plain]:
    """What was answered to rows `start` to `stop`; forecasts without their times, which packed tensors do not have."""
    task = predictor.schema.task
    if set(predictor.outputs) - set(outputs):  # a client asked for some of them only
        return [{name: _part(tensor, row) for name, tensor in outputs.items()} for row in range(start, stop)]
    if predictor.series is None:
        return row_answers(task, outputs, start, stop)
    answers = [series_answer(task, outputs, position, ()) for position in range(start, stop)]
    return [{name: value for name, value in answer.items() if name != "time"} for answer in answers]


def _part(tensor: Tensor, row: int) -> Any:
    """A row's value, or its values as one list."""
    size = prod(tensor.shape[1:])
    found = values(tensor, row * size, (row + 1) * size)
    return found if len(tensor.shape) > 1 else found[0]
