"""Who shows the progress of a run, and what is shown."""

from __future__ import annotations

import pytest

from ambidex.training.history import EpochRecord
from ambidex.training.loop import Silent
from ambidex.training.progress import Bar, Lines, make_watcher


def _record(epoch: int, loss: float) -> EpochRecord:
    return EpochRecord(epoch=epoch, train_loss=loss, validation_loss=loss, score=loss, learning_rate=0.1)


def test_quiet_shows_nobody() -> None:
    assert isinstance(make_watcher(3, is_quiet=True), Silent)


def test_without_a_terminal_there_are_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    watcher = make_watcher(3, is_quiet=False)
    assert isinstance(watcher, Lines)
    first = _record(1, 0.5)
    watcher.on_epoch(first, first)
    assert capsys.readouterr().err == "epoch 1/3  train 0.5  validation 0.5  best\n"


def test_the_bar_moves_within_an_epoch_and_names_the_best(capsys: pytest.CaptureFixture[str]) -> None:
    bar = Bar(2)
    bar.on_steps(1, 5, 10, 0.7)
    bar.say("a note")
    bar.on_epoch(_record(1, 0.5), _record(1, 0.5))
    shown = capsys.readouterr().err
    assert "a note" in shown
    assert "epoch 1" in shown
    assert "validation 0.5, best 0.5" in shown
