"""A model's output tensors as plain Python values, ready for JSON, a table or a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from ambidex.schema import Task, Tensor
from ambidex.schema.frequency import EPOCH

Value = str | int | float


def output_names(task: Task) -> tuple[str, ...]:
    """The outputs of a graph for this task, by the names that the exported file promises."""
    names = []
    for target in task.targets:
        names.append(target.name)
        if target.classes:
            names.append(f"{target.name}_probabilities")
        if task.quantiles:
            names.append(f"{target.name}_quantiles")
    return tuple(names)


def row_answers(task: Task, outputs: Mapping[str, Tensor], start: int, stop: int) -> list[dict[str, object]]:
    """Rows `start` to `stop` of a table's outputs: `{"income": ">50K", "probabilities": {…}}` or `{"price": 1.2}`.

    With several targets, `probabilities` has one object per classified target.
    """
    answers: list[dict[str, object]] = [{} for _ in range(stop - start)]
    for target in task.targets:
        for answer, value in zip(answers, values(outputs[target.name], start, stop), strict=True):
            answer[target.name] = value
        _add_quantiles(answers, task, outputs, (target.name, start))
    classified = [target for target in task.targets if target.classes]
    for target in classified:
        tables = _probabilities(target.classes, outputs[f"{target.name}_probabilities"], start, stop)
        for answer, table in zip(answers, tables, strict=True):
            if len(task.targets) == 1:
                answer["probabilities"] = table
            else:
                answer.setdefault("probabilities", {})[target.name] = table  # type: ignore[index]
    return answers


def _add_quantiles(
    answers: Sequence[dict[str, object]], task: Task, outputs: Mapping[str, Tensor], part: tuple[str, int]
) -> None:
    """Adds `price_q0.1`… of the target and the first row in `part`."""
    target, start = part
    count = len(task.quantiles)
    if count:
        flat = values(outputs[f"{target}_quantiles"], start * count, (start + len(answers)) * count)
        for position, answer in enumerate(answers):
            for index, level in enumerate(task.quantiles):
                answer[f"{target}_q{level:g}"] = flat[position * count + index]


def _probabilities(classes: Sequence[str | int], tensor: Tensor, start: int, stop: int) -> list[dict[str, float]]:
    labels = [str(label) for label in classes]
    width = len(labels)
    flat: list[float] = values(tensor, start * width, stop * width)  # type: ignore[assignment]
    return [dict(zip(labels, flat[at : at + width], strict=True)) for at in range(0, len(flat), width)]


def values(tensor: Tensor, start: int, stop: int) -> list[Value]:
    """Part of a tensor's flat data as a list."""
    data: Any = tensor.data[start:stop]
    part: list[Value] = list(data) if isinstance(data, (list, tuple)) else data.tolist()
    return part


def series_answer(task: Task, outputs: Mapping[str, Tensor], position: int, stamps: Sequence[int]) -> dict[str, object]:
    """The forecast of one series: `{"time": […], "OT": […], "OT_q0.1": […]}`, `horizon` values each."""
    answer: dict[str, object] = {"time": [written(stamp) for stamp in stamps]}
    steps = task.horizon
    for target in task.targets:
        answer[target.name] = values(outputs[target.name], position * steps, (position + 1) * steps)
    levels = task.quantiles
    for target in task.targets if levels else ():
        size = steps * len(levels)
        flat = values(outputs[f"{target.name}_quantiles"], position * size, (position + 1) * size)
        for index, level in enumerate(levels):
            answer[f"{target.name}_q{level:g}"] = flat[index :: len(levels)]
    return answer


def written(stamp_us: int) -> str:
    """A time as ISO 8601. Raises `OverflowError` after the year 9999."""
    return (EPOCH + timedelta(microseconds=stamp_us)).isoformat()
