"""The progress of `fit`, for those who ask for it: a bar on a terminal or in a notebook, and the workflow's notes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from ambidex.workflow.train import Session

if TYPE_CHECKING:
    from ambidex.training.history import EpochRecord


def make_session(epochs: int, is_verbose: bool) -> Session:
    """Silent, or with a bar that needs tqdm."""
    if not is_verbose:
        return Session()
    bar = Bar(epochs)
    return Session(watcher=bar, say=bar.say)


class Bar:
    """A bar over all epochs with the newest and the best validation loss."""

    def __init__(self, epochs: int) -> None:
        from tqdm.auto import tqdm

        self._bar: Any = tqdm(total=epochs, file=sys.stderr, unit="epoch")

    def say(self, text: str) -> None:
        """Writes a line above the bar."""
        self._bar.write(text, file=sys.stderr)

    def on_steps(self, epoch: int, done: int, total: int, loss: float) -> None:
        """Nothing within an epoch."""

    def on_epoch(self, record: EpochRecord, best: EpochRecord) -> None:
        """Moves the bar."""
        self._bar.n = record.epoch
        self._bar.set_postfix_str(f"validation {record.validation_loss:.4g}, best {best.validation_loss:.4g}")
