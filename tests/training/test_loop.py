"""The loop: every way to end, the weights it returns, and that nothing depends on how it is cut or resumed."""

from __future__ import annotations

import itertools
import math
from typing import Any

import msgspec
import numpy as np
import pytest
from tests.training.network import PLAN, LineTrainer, make_trainer, samples

from ambidex.errors import StoppedError, TrainingError
from ambidex.training import loop
from ambidex.training.engine import Trainer
from ambidex.training.history import EpochRecord
from ambidex.training.loop import Run, Silent, State
from ambidex.training.plan import Plan


def plan(**changes: Any) -> Plan:
    return msgspec.structs.replace(PLAN, **changes)


def run(settings: Plan = PLAN, **changes: Any) -> Run:
    return Run(
        trainer=changes.pop("trainer", None) or make_trainer(settings),
        train=samples(),
        validation=samples(seed=2),
        plan=settings,
        **changes,
    )


def is_same(left: Any, right: Any) -> bool:
    return left.keys() == right.keys() and all(np.array_equal(left[name], right[name]) for name in left)


class Kept:
    """Keeps every state as a checkpoint folder would: as values of its own."""

    def __init__(self) -> None:
        self.states: list[State] = []

    def save(self, state: State) -> None:
        history = msgspec.json.decode(msgspec.json.encode(state.history), type=type(state.history))
        parts = [{name: array.copy() for name, array in part.items()} for part in (
            state.weights, state.best_weights, state.optimizer)]  # fmt: skip
        self.states.append(
            State(history=history, weights=parts[0], best_weights=parts[1], optimizer=parts[2], elapsed_s=1.0)
        )


class Scripted:
    """Scores given beforehand, one for each epoch."""

    def __init__(self, *scores: float) -> None:
        self._scores = iter(scores)
        self.weights: list[Any] = []

    def __call__(self, trainer: Trainer, validation_loss: float) -> float:
        self.weights.append(trainer.weights())
        return next(self._scores)


def test_training_lowers_the_loss_and_says_so() -> None:
    weights, history = run().fit()
    assert [record.epoch for record in history.epochs] == list(range(7))
    assert history.stopped_by == "epochs"
    assert history.epochs[0].train_loss is None
    assert history.best.validation_loss < 0.1 * history.epochs[0].validation_loss
    found = make_trainer()
    found.set_weights(weights)
    assert found.evaluate(samples(seed=2), 10) == history.best.validation_loss == history.best.score


def test_the_weights_of_the_best_epoch_are_returned() -> None:
    score = Scripted(5, 4, 1, 3, 2, 9, 1)
    weights, history = run(score=score).fit()
    assert history.best.epoch == 2
    assert is_same(weights, score.weights[2])
    assert not is_same(weights, score.weights[6])


def test_the_untrained_network_is_a_candidate() -> None:
    score = Scripted(1, 4, 3, 3, 2, 9, 1)
    weights, history = run(score=score).fit()
    assert history.best.epoch == 0
    assert is_same(weights, make_trainer().weights())


def test_patience_ends_a_run_that_no_longer_gains() -> None:
    _, history = run(plan(patience=2), score=Scripted(5, 4, 3, 3, 3.5, 1, 0)).fit()
    assert [record.score for record in history.epochs] == [5, 4, 3, 3, 3.5]
    assert history.stopped_by == "patience"


def test_a_gain_below_the_least_one_does_not_count() -> None:
    _, history = run(plan(patience=2, min_delta=0.1), score=Scripted(5, 4, 3.9, 3.8, 0, 0, 0)).fit()
    assert len(history.epochs) == 4
    assert history.best.score == 3.8


def test_at_least_one_epoch_is_trained_whatever_the_budget() -> None:
    _, history = run(plan(time_budget_s=1e-9)).fit()
    assert (len(history.epochs), history.stopped_by) == (2, "time budget")


def test_the_time_budget_ends_a_run_after_the_epoch_that_passes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = itertools.count(0.0, 1.0)
    monkeypatch.setattr("ambidex.training.loop.time.monotonic", lambda: next(clock))
    kept = Kept()
    _, history = run(plan(time_budget_s=30.0, epochs=1000), checkpoints=kept).fit()
    assert history.stopped_by == "time budget"
    assert 2 < len(history.epochs) < 10
    assert len(kept.states) == len(history.epochs) - 1


def test_a_score_that_is_no_number_is_worse_than_all_others() -> None:
    score = Scripted(5, math.nan, 3, math.inf, 4, 4, 4)
    weights, history = run(score=score).fit()
    assert history.best.epoch == 2
    assert is_same(weights, score.weights[2])
    assert all(math.isfinite(record.score) for record in history.epochs)


def test_a_loss_that_is_no_number_ends_the_run() -> None:
    trainer = make_trainer()
    trainer.set_weights({**trainer.weights(), "head.bias": np.array([np.nan])})
    with pytest.raises(TrainingError) as caught:
        run(trainer=trainer).fit()
    assert str(caught.value) == (
        "Expected a finite loss, got nan at epoch 1, step 1. "
        "Lower --learning-rate, set --clip 1, or look for extreme values in the target."
    )
    assert not isinstance(caught.value, StoppedError)


def test_a_stop_is_heard_between_slices_and_leaves_the_last_epoch() -> None:
    kept, calls = Kept(), iter([False] * 8 + [True])
    with pytest.raises(StoppedError, match=r"^Stopped in epoch \d\.$"):
        run(checkpoints=kept, must_stop=lambda: next(calls)).fit()
    assert 1 <= len(kept.states) < 6


def test_an_epoch_is_kept_before_it_is_shown() -> None:
    """Who sees the line of an epoch and presses Ctrl-C finds it in the checkpoint."""
    kept = Kept()

    class Impatient(Silent):
        def on_epoch(self, record: EpochRecord, best: EpochRecord) -> None:
            if record.epoch == 1:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(checkpoints=kept, watcher=Impatient()).fit()
    assert [state.history.epochs[-1].epoch for state in kept.states] == [1]


@pytest.mark.parametrize("epoch", [1, 3, 5])
@pytest.mark.parametrize("changes", [{}, {"accumulate": 3}, {"schedule": "one_cycle", "record_steps": True}], ids=str)
def test_a_resumed_run_equals_the_undisturbed_one(changes: dict[str, Any], epoch: int) -> None:
    kept = Kept()
    weights, history = run(plan(**changes), checkpoints=kept).fit()
    trainer = make_trainer(plan(**changes))
    trainer.set_weights({name: weight + 9 for name, weight in trainer.weights().items()})
    again, resumed = run(plan(**changes), trainer=trainer).fit(kept.states[epoch - 1])
    assert resumed == history
    assert is_same(again, weights)
    assert is_same(trainer.optimizer_state(), kept.states[-1].optimizer)


def test_a_finished_run_is_not_trained_on() -> None:
    kept = Kept()
    weights, history = run(plan(epochs=2), checkpoints=kept).fit()
    trainer = make_trainer()
    again, resumed = run(plan(epochs=2), trainer=trainer).fit(kept.states[-1])
    assert trainer.calls == []
    assert is_same(again, weights)
    assert resumed == history


def test_time_before_a_resumption_counts_towards_the_budget() -> None:
    kept = Kept()
    run(plan(epochs=3), checkpoints=kept).fit()
    kept.states[0].elapsed_s = 50.0
    _, history = run(plan(time_budget_s=49.0)).fit(kept.states[0])
    assert (len(history.epochs), history.stopped_by) == (2, "time budget")


def test_the_streams_of_chance_start_once_an_epoch() -> None:
    trainer = make_trainer()
    run(plan(batch_size=2), trainer=trainer).fit()
    seeds = [seed for _, seed in trainer.calls]
    started = [seed for seed in seeds if seed is not None]
    assert len(started) == len(set(started)) == 6
    assert len(seeds) > len(started)
    assert all(0 <= seed < 2**32 for seed in started)


def test_how_an_epoch_is_cut_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    weights, history = run(plan(batch_size=2)).fit()
    monkeypatch.setattr(loop, "SLICE_S", 0.0)
    trainer = make_trainer(plan(batch_size=2))
    again, cut = run(plan(batch_size=2), trainer=trainer).fit()
    assert {steps for steps, _ in trainer.calls} == {1}
    assert cut == history
    assert is_same(again, weights)


@pytest.mark.parametrize("accumulate", [2, 3, 7])
def test_every_slice_is_a_whole_number_of_updates(accumulate: int) -> None:
    settings = plan(batch_size=2, accumulate=accumulate)
    trainer = make_trainer(settings)
    run(settings, trainer=trainer).fit()
    assert all(steps % accumulate == 0 for steps, _ in trainer.calls)
    assert int(trainer.optimizer_state()["step"]) == 6 * (25 // accumulate)


def test_slices_grow_by_powers_of_two_up_to_an_epoch() -> None:
    trainer = make_trainer()
    run(plan(batch_size=2, epochs=1), trainer=trainer).fit()
    assert [steps for steps, _ in trainer.calls] == [1, 2, 4, 8, 10]


def test_the_seed_decides_batches_and_chance() -> None:
    histories = [run(plan(seed=seed)).fit()[1] for seed in (0, 0, 1)]
    assert histories[0] == histories[1]
    assert histories[0] != histories[2]


def test_an_epoch_is_as_long_as_asked() -> None:
    trainer = make_trainer()
    run(plan(batch_size=4, epoch_samples=12, epochs=1), trainer=trainer).fit()
    assert sum(steps for steps, _ in trainer.calls) == 3


def test_a_batch_size_of_zero_is_chosen_from_the_samples() -> None:
    trainer = make_trainer()
    run(plan(batch_size=0, epochs=1), trainer=trainer).fit()
    assert [steps for steps, _ in trainer.calls] == [1]


def test_the_loss_of_every_step_is_kept_where_asked() -> None:
    _, history = run(plan(record_steps=True)).fit()
    assert len(history.steps) == 6 * 6
    first = history.epochs[1].train_loss
    assert first == pytest.approx(np.mean(history.steps[:6]), rel=1e-12)
    assert run().fit()[1].steps == []


def test_the_schedule_is_followed() -> None:
    _, history = run(plan(schedule="step")).fit()
    assert [record.learning_rate for record in history.epochs] == pytest.approx([0, 0.05, 0.05, 5e-3, 5e-3, 5e-4, 5e-4])


def test_who_looks_on_sees_every_step_and_epoch() -> None:
    class Notes:
        def __init__(self) -> None:
            self.steps: list[tuple[int, int, int]] = []
            self.epochs: list[tuple[int, int]] = []

        def on_steps(self, epoch: int, done: int, total: int, loss: float) -> None:
            self.steps.append((epoch, done, total))

        def on_epoch(self, record: EpochRecord, best: EpochRecord) -> None:
            self.epochs.append((record.epoch, best.epoch))

    notes = Notes()
    run(plan(epochs=2), watcher=notes, score=Scripted(2, 1, 3)).fit()
    assert notes.epochs == [(0, 0), (1, 1), (2, 1)]
    assert [step for step in notes.steps if step[1] == step[2]] == [(1, 6, 6), (2, 6, 6)]


def test_the_fake_is_a_trainer() -> None:
    def accept(trainer: Trainer) -> Trainer:
        return trainer

    assert isinstance(accept(make_trainer()), LineTrainer)
