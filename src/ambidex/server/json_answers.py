"""Predictions as JSON: record types made from the task, which msgspec writes without a dictionary per row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import starmap
from typing import Any

import msgspec

from ambidex.runtime.answers import row_answers, values
from ambidex.schema import Task, Tensor

_encode = msgspec.json.Encoder().encode


class Predictions:
    """Writes `{"predictions": […]}` for one table model."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._answer: Any = None
        self._table: Any = None
        is_plain = len(task.targets) == 1 and not task.quantiles
        if is_plain and task.targets[0].classes and task.targets[0].name != "probabilities":
            target = task.targets[0]
            self._table = _record("Probabilities", [str(label) for label in target.classes])
            self._answer = _record("Prediction", [target.name, "probabilities"])
        elif is_plain and not task.targets[0].classes:
            self._answer = _record("Prediction", [task.targets[0].name])

    def encode(self, outputs: Mapping[str, Tensor], start: int, stop: int) -> bytes:
        """The document for rows `start` to `stop` of the outputs."""
        if self._answer is None:
            return _encode({"predictions": row_answers(self._task, outputs, start, stop)})
        name = self._task.targets[0].name
        answers: Sequence[Any] = values(outputs[name], start, stop)
        if self._table is None:
            return _encode({"predictions": list(map(self._answer, answers))})
        width = len(self._task.targets[0].classes)
        flat = values(outputs[f"{name}_probabilities"], start * width, stop * width)
        rows = [flat] if stop - start == 1 else zip(*(flat[at::width] for at in range(width)), strict=True)
        tables = starmap(self._table, rows)
        return _encode({"predictions": list(map(self._answer, answers, tables))})


def _record(name: str, fields: Sequence[str]) -> Any:
    """A record with these members, which need not be identifiers."""
    short = {f"f{position}": field for position, field in enumerate(fields)}
    return msgspec.defstruct(name, [(alias, Any) for alias in short], rename=short, gc=False)
