"""What happened in a run: one record per epoch, and which one was best."""

from __future__ import annotations

import math
import sys

import msgspec


class EpochRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An epoch; 0 is the state before the first step. `score` decides: lower is better.

    Losses are means per sample in the units of the loss. What is not finite is held as the largest float, since JSON
    has no infinity. It holds no time of day and no duration, so that two deterministic runs leave equal histories.
    """

    epoch: int
    train_loss: float | None
    validation_loss: float
    score: float
    learning_rate: float


class Switch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A run that was begun in one engine and resumed in another: the first epoch there, and both engines."""

    epoch: int
    before: str
    after: str


class History(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The epochs so far; `steps` holds the loss of every step where the plan asks for it.

    `switches` is empty where one engine did it all.
    """

    epochs: list[EpochRecord] = []
    steps: list[float] = []
    stopped_by: str = "epochs"
    switches: list[Switch] = []

    @property
    def best(self) -> EpochRecord:
        """The epoch with the lowest score, the first of equals."""
        return min(self.epochs, key=lambda record: (record.score, record.epoch))

    def since_best(self, min_delta: float) -> int:
        """Epochs since the score last fell by more than the relative `min_delta`."""
        best, position = self.epochs[0].score, 0
        for index, record in enumerate(self.epochs):
            if record.score < best - abs(best) * min_delta:
                best, position = record.score, index
        return len(self.epochs) - 1 - position


def finite(value: float) -> float:
    """The value, or the largest float where it is infinite or no number: worse than all others."""
    return value if math.isfinite(value) else sys.float_info.max
