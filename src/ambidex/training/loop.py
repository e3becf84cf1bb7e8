"""The one training loop: epochs, validation, the best weights, checkpoints and every way to stop."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ambidex.errors import StoppedError, TrainingError
from ambidex.training.defaults import batch_size
from ambidex.training.engine import Trainer
from ambidex.training.feed import Feed
from ambidex.training.history import EpochRecord, History, finite
from ambidex.training.order import batch_order
from ambidex.training.plan import Plan
from ambidex.training.schedule import learning_rates

Arrays = dict[str, npt.NDArray[Any]]
EVALUATION_BATCH = 4096
SLICE_S = 0.5
"""How long one call into an engine may take: the loop looks for a stop, and shows progress, in between."""


class Checkpoints(Protocol):
    """Where the loop leaves what it needs to go on."""

    def save(self, state: State) -> None: ...


class Watcher(Protocol):
    """Who looks on: a progress bar, or nobody."""

    def on_steps(self, epoch: int, done: int, total: int, loss: float) -> None: ...
    def on_epoch(self, record: EpochRecord, best: EpochRecord) -> None: ...


class Silent:
    """Nobody looks on."""

    def on_steps(self, epoch: int, done: int, total: int, loss: float) -> None:
        """Shows nothing."""

    def on_epoch(self, record: EpochRecord, best: EpochRecord) -> None:
        """Shows nothing."""


@dataclass(kw_only=True)
class State:
    """Everything a run is after an epoch: with it, it goes on as if nothing had happened."""

    history: History
    weights: Arrays
    best_weights: Arrays
    optimizer: Arrays
    elapsed_s: float = 0.0


Score = Callable[[Trainer, float], float]
"""What decides between epochs, lower is better, from the trainer and its validation loss."""


def by_validation_loss(trainer: Trainer, validation_loss: float) -> float:
    """The validation loss itself decides."""
    return validation_loss


@dataclass(kw_only=True)
class Run:
    """One training run: what it learns from, and who is told."""

    trainer: Trainer
    train: Feed
    validation: Feed
    plan: Plan
    score: Score = by_validation_loss
    watcher: Watcher = field(default_factory=Silent)
    checkpoints: Checkpoints | None = None
    must_stop: Callable[[], bool] = lambda: False

    def fit(self, resumed: State | None = None) -> tuple[Mapping[str, npt.NDArray[Any]], History]:
        """Trains until an end is reached; returns the best epoch's weights and the history.

        Raises `StoppedError` where `must_stop` said so: the last finished epoch is in the checkpoint.
        """
        self.trainer.load(self.train)
        state = self._resume(resumed) if resumed else self._begin()
        started = time.monotonic() - state.elapsed_s
        while not self._is_over(state):
            self._epoch(state)
            state.elapsed_s = time.monotonic() - started
            if self.checkpoints is not None:
                self.checkpoints.save(state)
            self._show(state)  # only what is kept: who sees the epoch may stop the run
        return state.best_weights, state.history

    def _begin(self) -> State:
        """Validates the untrained network too: it is a candidate, which matters where it starts from a solved map."""
        weights = self.trainer.weights()
        state = State(
            history=History(), weights=weights, best_weights=weights, optimizer=self.trainer.optimizer_state()
        )
        self._judge(state, epoch=0, train_loss=None, learning_rate=0.0)
        self._show(state)
        return state

    def _resume(self, state: State) -> State:
        self.trainer.set_weights(state.weights)
        self.trainer.set_optimizer_state(state.optimizer)
        return state

    def _is_over(self, state: State) -> bool:
        done = len(state.history.epochs) - 1
        if done > 0 and state.history.since_best(self.plan.min_delta) >= self.plan.patience:
            state.history.stopped_by = "patience"
        elif done > 0 and 0 < self.plan.time_budget_s <= state.elapsed_s:
            state.history.stopped_by = "time budget"
        elif done >= self.plan.epochs:
            state.history.stopped_by = "epochs"
        else:
            return False
        return True

    def _epoch(self, state: State) -> None:
        epoch = len(state.history.epochs)
        order = batch_order(
            self.train.num_samples,
            batch_size(self.plan, self.train.num_samples),
            seed=self.plan.seed,
            epoch=epoch,
            accumulate=self.plan.accumulate,
            epoch_samples=self.plan.epoch_samples,
        )
        rates = learning_rates(self.plan, len(order), epoch - 1)
        losses = self._steps(epoch, order, rates)
        if self.plan.record_steps:
            state.history.steps += losses.tolist()
        state.weights = self.trainer.weights()
        state.optimizer = self.trainer.optimizer_state()
        self._judge(state, epoch=epoch, train_loss=float(losses.mean()), learning_rate=float(rates[-1]))

    def _steps(
        self, epoch: int, order: npt.NDArray[np.int64], rates: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.float64]:
        """Runs an epoch in slices of about `SLICE_S` seconds, each a whole number of updates.

        Where the cuts fall depends on the clock, so the streams of dropout are started once and go on over the cuts.
        """
        losses: list[npt.NDArray[np.float64]] = []
        done, size = 0, self.plan.accumulate
        while done < len(order):
            began = time.monotonic()
            part = slice(done, done + size)
            seed = None if done else _stream(self.plan.seed, epoch)
            losses.append(self.trainer.run(order[part], rates[part], seed=seed))
            self._check(losses[-1], epoch, done)
            done += len(losses[-1])
            self.watcher.on_steps(epoch, done, len(order), float(losses[-1][-1]))
            size = self._next_size(size, time.monotonic() - began, len(order))
        return np.concatenate(losses)

    def _check(self, losses: npt.NDArray[np.float64], epoch: int, done: int) -> None:
        if self.must_stop():
            raise StoppedError(f"Stopped in epoch {epoch}.")
        bad = np.flatnonzero(~np.isfinite(losses))
        if len(bad):
            raise TrainingError(
                f"Expected a finite loss, got {losses[bad[0]]} at epoch {epoch}, step {done + int(bad[0]) + 1}. "
                "Lower --learning-rate, set --clip 1, or look for extreme values in the target."
            )

    def _next_size(self, size: int, took_s: float, steps: int) -> int:
        """Slices grow, by powers of two so that few sizes occur, until one takes `SLICE_S`."""
        return min(size * 2, steps) if took_s < SLICE_S / 2 else size

    def _judge(self, state: State, *, epoch: int, train_loss: float | None, learning_rate: float) -> None:
        loss = self.trainer.evaluate(self.validation, EVALUATION_BATCH)
        score = self.score(self.trainer, loss)
        record = EpochRecord(
            epoch=epoch,
            train_loss=train_loss,
            validation_loss=finite(loss),
            score=finite(score),
            learning_rate=learning_rate,
        )
        state.history.epochs.append(record)
        if state.history.best is record:
            state.best_weights = state.weights

    def _show(self, state: State) -> None:
        self.watcher.on_epoch(state.history.epochs[-1], state.history.best)


def _stream(seed: int, epoch: int) -> int:
    """The seed of dropout for an epoch: a function of where the run is, so that a resumed one draws the same."""
    return int(np.random.SeedSequence([seed, epoch]).generate_state(1)[0])
