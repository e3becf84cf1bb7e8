"""The progress of training: a live bar on a terminal or in a notebook, plain lines otherwise."""

from __future__ import annotations

import sys
import time
from typing import Any

from ambidex.training.history import EpochRecord
from ambidex.training.loop import Silent, Watcher


def make_watcher(epochs: int, *, is_quiet: bool) -> Watcher:
    """Who shows the progress of this run."""
    if is_quiet:
        return Silent()
    return Bar(epochs) if sys.stderr.isatty() else Lines(epochs)


class Lines:
    """One line per epoch, at most about one a second unless the epoch is the best so far."""

    def __init__(self, epochs: int) -> None:
        self._epochs = epochs
        self._last = 0.0

    def on_steps(self, epoch: int, done: int, total: int, loss: float) -> None:
        """Nothing within an epoch."""

    def on_epoch(self, record: EpochRecord, best: EpochRecord) -> None:
        """The epoch's losses."""
        now = time.monotonic()
        if record is not best and now - self._last < 1.0:
            return
        self._last = now
        sys.stderr.write(describe(record, best, self._epochs) + "\n")
        sys.stderr.flush()


class Bar:
    """A bar over all epochs that moves within each; needs tqdm."""

    def __init__(self, epochs: int) -> None:
        from tqdm.auto import tqdm

        form = "{l_bar}{bar}| {elapsed} < {remaining} {postfix}"
        self._bar: Any = tqdm(total=epochs, file=sys.stderr, bar_format=form, leave=True, dynamic_ncols=True)
        self._epochs = epochs

    def say(self, text: str) -> None:
        """Writes a line above the bar."""
        self._bar.write(text, file=sys.stderr)

    def on_steps(self, epoch: int, done: int, total: int, loss: float) -> None:
        """Moves within the epoch."""
        self._bar.n = epoch - 1 + done / total
        self._bar.set_description(f"epoch {epoch}", refresh=False)
        self._bar.refresh()

    def on_epoch(self, record: EpochRecord, best: EpochRecord) -> None:
        """Shows the losses."""
        self._bar.n = record.epoch
        self._bar.set_postfix_str(f"validation {record.validation_loss:.4g}, best {best.validation_loss:.4g}")


def describe(record: EpochRecord, best: EpochRecord, epochs: int) -> str:
    """An epoch as a line."""
    train = "" if record.train_loss is None else f"  train {record.train_loss:.5g}"
    star = "  best" if record is best else ""
    return f"epoch {record.epoch}/{epochs}{train}  validation {record.validation_loss:.5g}{star}"
