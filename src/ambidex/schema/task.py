"""What a model answers: classes, numbers, or the next steps of a series."""

from __future__ import annotations

from typing import Literal

import msgspec

from ambidex.schema.frequency import Frequency

TaskKind = Literal["binary", "multiclass", "regression", "forecast"]


class Target(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One predicted column; `classes` are its labels in the order of the probabilities (empty: a number)."""

    name: str
    classes: tuple[str | int, ...] = ()


class Task(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The question a model answers.

    For forecasts: `horizon` steps ahead; a history needs at least `min_history` rows and at most `max_history` of
    them are read (None: any length). `frequency` places the forecast's stamps. `quantiles` are the levels answered
    beside the point forecast (the median or mean). `threshold` decides binary classes: positive at or above it.
    """

    kind: TaskKind
    targets: tuple[Target, ...]
    threshold: float = 0.5
    quantiles: tuple[float, ...] = ()
    horizon: int = 0
    min_history: int = 0
    max_history: int | None = None
    frequency: Frequency | None = None

    @property
    def is_classification(self) -> bool:
        return self.kind in ("binary", "multiclass")
