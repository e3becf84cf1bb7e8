"""Checkpoints: what was saved comes back bit by bit, other runs are refused, and a cut file costs one epoch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from tests.training.network import PLAN, make_trainer, samples

from ambidex.errors import StoppedError, UsageError
from ambidex.training.checkpoint import CheckpointFolder
from ambidex.training.history import EpochRecord, History, finite
from ambidex.training.loop import Run, State

RUN = {"experiment": {"model": "mlp", "plan": {"epochs": 6, "seed": 0}, "drop": ()}, "backend": "torch"}


def state(epochs: int, *, size: int = 3) -> State:
    rng = np.random.default_rng(epochs)
    records = [
        EpochRecord(epoch=epoch, train_loss=None, validation_loss=1 / 3, score=0.1 + epoch, learning_rate=1e-3)
        for epoch in range(epochs + 1)
    ]
    return State(
        history=History(epochs=records, steps=[1 / 7]),
        weights={"blocks.0.dense.kernel": rng.normal(size=(size, 2)).astype(np.float32)},
        best_weights={"blocks.0.dense.kernel": rng.normal(size=(size, 2)).astype(np.float32)},
        optimizer={"step": np.asarray(7, dtype=np.int64), "blocks.0.dense.kernel/m": rng.normal(size=(size, 2))},
        elapsed_s=1.25,
    )


def is_same(left: State, right: State) -> bool:
    pairs = [
        (left.weights, right.weights),
        (left.best_weights, right.best_weights),
        (left.optimizer, right.optimizer),
    ]
    return (
        left.history == right.history
        and left.elapsed_s == right.elapsed_s
        and all(
            a.keys() == b.keys()
            and all(np.array_equal(a[name], b[name]) and a[name].dtype == b[name].dtype for name in a)
            for a, b in pairs
        )
    )


@pytest.fixture
def folder(tmp_path: Path) -> CheckpointFolder:
    """An open folder."""
    made = CheckpointFolder(tmp_path / "model.ambidex.ckpt")
    assert made.begin(RUN, is_resuming=False) is None
    return made


def reopened(folder: CheckpointFolder, run: dict[str, Any] = RUN) -> State | None:
    return CheckpointFolder(folder.folder).begin(run, is_resuming=True)


def names(folder: CheckpointFolder) -> list[str]:
    return sorted(path.name for path in folder.folder.iterdir())


def test_what_was_saved_comes_back(folder: CheckpointFolder) -> None:
    saved = state(3)
    folder.save(saved)
    found = reopened(folder)
    assert found is not None
    assert is_same(found, saved)
    found.weights["blocks.0.dense.kernel"][0] = 1.0  # a copy that may be written to


def test_scores_that_were_not_finite_come_back(folder: CheckpointFolder) -> None:
    saved = state(1)
    saved.history.epochs[1] = msgspec.structs.replace(saved.history.epochs[1], score=finite(float("nan")))
    folder.save(saved)
    found = reopened(folder)
    assert found is not None
    assert found.history == saved.history


def test_the_two_newest_files_stay(folder: CheckpointFolder) -> None:
    for epochs in (8, 9, 10, 11):
        folder.save(state(epochs))
    assert names(folder) == ["epoch-0010.ckpt", "epoch-0011.ckpt", "run.json"]


def test_the_newest_file_is_found_after_ten_thousand_epochs(folder: CheckpointFolder) -> None:
    for epochs in (9999, 10000, 10001):
        folder.save(state(epochs))
    found = reopened(folder)
    assert found is not None
    assert len(found.history.epochs) == 10002


def test_a_cut_file_falls_back_to_the_one_before_wherever_it_is_cut(folder: CheckpointFolder) -> None:
    before, newest = state(1), state(2)
    folder.save(before)
    folder.save(newest)
    path = folder.folder / "epoch-0002.ckpt"
    whole = path.read_bytes()
    for length in [*range(40), *range(40, len(whole), 37), len(whole) - 1]:
        path.write_bytes(whole[:length])
        found = reopened(folder)
        assert found is not None, length
        assert is_same(found, before), length


def test_without_a_whole_file_the_run_starts_afresh(folder: CheckpointFolder) -> None:
    folder.save(state(1))
    (folder.folder / "epoch-0001.ckpt").write_bytes(b"")
    assert reopened(folder) is None
    assert names(folder) == ["run.json"]


def test_a_new_run_clears_the_folder(folder: CheckpointFolder) -> None:
    folder.save(state(1))
    assert CheckpointFolder(folder.folder).begin({"other": 1}, is_resuming=False) is None
    assert names(folder) == ["run.json"]


def test_resuming_where_nothing_is_starts_afresh(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path / "deep" / "model.ckpt")
    assert folder.begin(RUN, is_resuming=True) is None
    assert names(folder) == ["run.json"]


@pytest.mark.parametrize(
    ("change", "where", "before", "now"),
    [
        ({"backend": "jax"}, "backend", "'torch'", "'jax'"),
        ({"experiment": {**RUN["experiment"], "model": "gru"}}, "experiment.model", "'mlp'", "'gru'"),  # type: ignore[dict-item]
        (
            {"experiment": {**RUN["experiment"], "plan": {"epochs": 9, "seed": 0}}},  # type: ignore[dict-item]
            "experiment.plan.epochs",
            "6",
            "9",
        ),
        ({"data": "abc"}, "data", "None", "'abc'"),
    ],
)
def test_another_run_is_refused_by_its_first_difference(
    folder: CheckpointFolder, change: dict[str, Any], where: str, before: str, now: str
) -> None:
    folder.save(state(1))
    with pytest.raises(UsageError) as caught:
        reopened(folder, {**RUN, **change})
    assert str(caught.value) == (
        f"Expected {where} {before} as in the run to resume, got {now} at --resume. "
        "Repeat the first run's options, or leave out --resume to start afresh."
    )
    assert caught.value.where == where
    assert "epoch-0001.ckpt" in names(folder)


def test_equal_runs_may_be_written_as_tuples_or_lists(folder: CheckpointFolder) -> None:
    folder.save(state(1))
    assert reopened(folder, msgspec.json.decode(msgspec.json.encode(RUN))) is not None


def test_removing_leaves_nothing(folder: CheckpointFolder) -> None:
    folder.save(state(1))
    folder.remove()
    assert not folder.folder.exists()
    folder.remove()


def test_a_run_stopped_and_resumed_from_its_folder_equals_the_undisturbed_one(folder: CheckpointFolder) -> None:
    def run(**changes: Any) -> Run:
        return Run(trainer=make_trainer(), train=samples(), validation=samples(seed=2), plan=PLAN, **changes)

    weights, history = run().fit()
    calls = iter([False] * 12 + [True])
    with pytest.raises(StoppedError):
        run(checkpoints=folder, must_stop=lambda: next(calls)).fit()
    found = reopened(folder)
    assert found is not None
    assert 1 < len(found.history.epochs) < len(history.epochs)
    again, resumed = run(checkpoints=folder).fit(found)
    assert resumed == history
    assert all(np.array_equal(again[name], weights[name]) for name in weights)
