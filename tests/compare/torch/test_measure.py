"""Real processes: what they measure, how they fail, how an interrupted comparison goes on."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from ambidex.compare.column import COLUMNS
from ambidex.compare.measure import Measurement, measure
from ambidex.compare.sample import Failure, Sample
from tests.compare.small import small_task, write_small

pytestmark = pytest.mark.torch


class Notes:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.samples: list[Sample] = []
        self.failures: list[Failure] = []
        self.done: list[float] = []
        self.order: list[str] = []

    def on_sample(self, sample: Sample) -> None:
        self.samples.append(sample)

    def on_failure(self, failure: Failure) -> None:
        self.failures.append(failure)

    def on_command(self, done: int, total: int, text: str) -> None:
        self.done.append(done / total)
        self.order.append(text)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Measurement, Notes]:
    folder, notes = tmp_path_factory.mktemp("measure"), Notes()
    columns = [
        msgspec.structs.replace(COLUMNS["torch"], divisions=("matched",)),
        msgspec.structs.replace(COLUMNS["torch"], name="slow", divisions=("matched",), slowdown=1.0),
        msgspec.structs.replace(COLUMNS["onnxruntime"], divisions=("matched",)),
    ]
    return measure(small_task(folder).prepared, columns, runs=1, folder=folder / "turns", listener=notes), notes


def test_every_quantity_is_measured_once_per_run(measured: tuple[Measurement, Notes]) -> None:
    found, notes = measured
    assert notes.failures == []
    assert found.samples == notes.samples
    counts = Counter((sample.column, sample.quantity) for sample in found.samples)
    assert set(counts.values()) == {1}
    assert {"import_s", "create_s", "one_row_s", "memory_mib"} <= {
        quantity for column, quantity in counts if column == "onnxruntime"
    }
    assert ("onnxruntime", "epoch_s") not in counts
    assert ("torch", "epoch_s") in counts


def test_turns_go_forth_and_back(measured: tuple[Measurement, Notes]) -> None:
    epochs = [text.split(": ")[1].split(",")[0] for text in measured[1].order if text.endswith("epoch")]
    pairs = [tuple(epochs[place : place + 2]) for place in range(0, len(epochs), 2)]
    assert pairs in (
        [("torch", "slow"), ("slow", "torch"), ("torch", "slow")],
        [("slow", "torch"), ("torch", "slow"), ("slow", "torch")],
    )


def test_progress_ends_at_the_end(measured: tuple[Measurement, Notes]) -> None:
    assert measured[1].done[-1] == 1
    assert measured[1].done == sorted(measured[1].done)


def test_the_same_work_gives_the_same_losses(measured: tuple[Measurement, Notes]) -> None:
    losses = {sample.column: sample.values for sample in measured[0].samples if sample.quantity == "step_loss"}
    assert losses["torch"] == losses["slow"]


def test_a_slowdown_is_in_the_times(measured: tuple[Measurement, Notes]) -> None:
    cpu = {sample.column: sum(sample.values) for sample in measured[0].samples if sample.quantity == "epoch_cpu_s"}
    assert cpu["slow"] > 1.3 * cpu["torch"]


def test_a_failure_is_a_finding_and_the_others_go_on(tmp_path: Path) -> None:
    notes = Notes()
    task = small_task(tmp_path)
    job = msgspec.structs.replace(task.prepared.job, loss="quantile")
    prepared = dataclasses.replace(task.prepared, job=job)
    columns = [msgspec.structs.replace(COLUMNS[name], divisions=("defaults",)) for name in ("torch", "onnxruntime")]
    found = measure(prepared, columns, runs=1, folder=tmp_path / "turns", listener=notes)
    assert [failure.column for failure in found.failures] == ["torch"]
    assert "got loss 'quantile' at division defaults" in found.failures[0].reason
    assert "one_row_s" in {sample.quantity for sample in found.samples if sample.column == "onnxruntime"}
    assert notes.done[-1] == 1


def test_a_process_goes_through_both_divisions_and_is_fresh_in_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ambidex.compare.measure.ENOUGH", 2)
    columns = [COLUMNS["torch"], msgspec.structs.replace(COLUMNS["torch"], name="again", mode_of="torch")]
    notes = Notes()
    found = measure(small_task(tmp_path).prepared, columns, runs=2, folder=tmp_path / "turns", listener=notes)
    have = {(sample.run, sample.division, sample.column, sample.quantity) for sample in found.samples}
    for run, first, then in ((0, "defaults", "matched"), (1, "matched", "defaults")):
        for quantity in ("create_s", "first_step_s", "memory_mib"):
            assert (run, first, "torch", quantity) in have
            assert (run, then, "torch", quantity) not in have
        for division in (first, then):
            assert (run, division, "again", "epoch_s") in have
            assert (run, division, "again", "one_row_s") in have
        # A mode of a framework imports what the framework does: it is not timed twice.
        imports = [(division, column) for at, division, column, name in have if (at, name) == (run, "import_s")]
        assert imports == [(first, "torch")]
        assert len(list((tmp_path / "turns" / str(run)).iterdir())) == len(columns)
    assert notes.done[-1] == 1


def test_who_failed_in_one_division_starts_afresh_in_the_next(tmp_path: Path) -> None:
    notes = Notes()
    task = small_task(tmp_path)
    broken = msgspec.structs.replace(task.prepared.graphs["defaults"], raw_outputs=("nowhere",))
    prepared = dataclasses.replace(task.prepared, graphs={**task.prepared.graphs, "defaults": broken})
    found = measure(prepared, [COLUMNS["torch"]], runs=1, folder=tmp_path / "turns", listener=notes)
    assert [(failure.division, failure.column) for failure in found.failures] == [("defaults", "torch")]
    assert ("matched", "one_row_s") in {(sample.division, sample.quantity) for sample in found.samples}
    assert notes.done[-1] == 1


def test_the_command_writes_the_report_and_goes_on_from_its_samples(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from ambidex.cli.main import main

    data = write_small(tmp_path / "small.csv")
    command = ["compare", str(data), "--target", "answer", "--quick", "--runs", "1", "--epochs", "2", "--quiet"]
    command += ["--columns", "torch,onnxruntime", "-o", str(tmp_path / "report"), "--json"]
    assert main(command) == 0
    result = json.loads(capsys.readouterr().out)
    (comparison,) = result["comparisons"]
    assert comparison["failures"] == []
    assert set(comparison["divisions"]) == {"defaults", "matched"}
    assert comparison["divisions"]["matched"]["epoch"]["columns"]["torch"]["median"] > 0
    assert "onnx" in " ".join(comparison["findings"])
    before = (tmp_path / "report" / "samples.jsonl").read_bytes()
    page = (tmp_path / "report" / "report.md").read_text(encoding="utf-8")
    assert "ambidex compare" in page
    assert "--columns torch,onnxruntime" in page
    assert main([*command, "--resume"]) == 0
    assert (tmp_path / "report" / "samples.jsonl").read_bytes() == before
    capsys.readouterr()
    assert main([*command, "--resume", "--seed", "5"]) == 2
    assert "Expected samples of the same comparison, got those of another one" in capsys.readouterr().err
