"""The whole comparison, with made-up measurements in place of measuring processes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ambidex.compare.column import COLUMNS, Column
from ambidex.compare.comparison import Comparison
from ambidex.compare.following import Following
from ambidex.compare.measure import Listener, Measurement
from ambidex.compare.run import Session, compare
from ambidex.compare.sample import Failure, Sample
from ambidex.config import Given, resolve
from ambidex.data.read import read_table
from ambidex.errors import BackendError, OutputFileError, StoppedError, TrainingError, UsageError
from tests.compare.samples import make_samples
from tests.compare.small import EFFORT, write_small

Attempt = Callable[..., Comparison]
FAILED = Failure(division="matched", column="torch", run=0, reason="create: no room")


class Conductor:
    """Gives the samples and failures that a test wants, and counts how often it was asked."""

    def __init__(self) -> None:
        self.samples: Sequence[Sample] = make_samples("defaults", {"torch": {}}, runs=1)
        self.failures: Sequence[Failure] = ()
        self.known: Sequence[Sample] = ()
        self.interruption: type[BaseException] | None = None

    def measure(self, *_: Any, listener: Listener, known: Sequence[Sample], **__: Any) -> Measurement:
        self.known = known
        for failure in self.failures:
            listener.on_failure(failure)
        for sample in self.samples:
            listener.on_sample(sample)
        if self.interruption is not None:
            raise self.interruption
        count = len({sample.run for sample in known})
        return Measurement(samples=[*known, *self.samples], failures=list(self.failures), num_known=count)


@pytest.fixture
def conductor(monkeypatch: pytest.MonkeyPatch) -> Conductor:
    found = Conductor()
    monkeypatch.setattr("ambidex.compare.run.measure", found.measure)
    monkeypatch.setattr("ambidex.compare.run.measure_following", lambda *_, **__: Following())
    monkeypatch.setattr("ambidex.compare.run.installed", lambda: ["torch", "tensorflow"])
    return found


@pytest.fixture
def attempt(tmp_path: Path, conductor: Conductor) -> Attempt:
    """Compares the small table, in the folder `report`."""
    table = read_table(str(write_small(tmp_path / "small.csv")))

    def run(*columns: str, is_resuming: bool = False, **changes: Any) -> Comparison:
        values = {"targets": ["answer"], "plan.device": "cpu", "plan.batch_size": 64} | changes.pop("values", {})
        chosen: list[Column] = [COLUMNS[name] for name in columns or ("torch",)]
        session = Session(command="ambidex compare", file="small.csv", is_resuming=is_resuming)
        effort = msgspec.structs.replace(EFFORT, **changes)
        experiment = resolve(Given(values=values))
        return compare(table, experiment, tmp_path / "report", columns=chosen, effort=effort, session=session)

    return run


def test_what_failed_in_one_division_leaves_the_other(tmp_path: Path, conductor: Conductor, attempt: Attempt) -> None:
    conductor.failures = [FAILED]
    findings = attempt().findings
    assert "Matched: nothing was measured, because no column came to its end." in findings
    assert "Matched: PyTorch eager failed in run 1: create: no room" in findings
    assert (tmp_path / "report" / "report.html").is_file()


def test_nothing_measured_is_an_error(tmp_path: Path, conductor: Conductor, attempt: Attempt) -> None:
    conductor.samples, conductor.failures = (), [msgspec.structs.replace(FAILED, run=run) for run in range(3)]
    with pytest.raises(TrainingError) as raised:
        attempt()
    samples = tmp_path / "report" / "samples.jsonl"
    assert raised.value.exit_status == 1
    assert raised.value.message == (
        "Expected a column that comes to its end, got none: torch failed (create: no room). "
        f"What was tried is in {samples}."
    )
    assert samples.read_text(encoding="utf-8").count("no room") == 3
    assert not (tmp_path / "report" / "report.json").exists()


def test_a_folder_with_a_report_is_refused(tmp_path: Path, attempt: Attempt) -> None:
    attempt()
    folder = tmp_path / "report"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(OutputFileError) as raised:
        attempt()
    assert raised.value.message == (
        f"Expected a folder without a comparison in it, got report.json and samples.jsonl at {folder}. "
        "Choose another -o, or give --resume to go on from its samples."
    )
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_report_without_samples_is_refused_even_with_resume(tmp_path: Path, attempt: Attempt) -> None:
    attempt()
    (tmp_path / "report" / "samples.jsonl").unlink()
    with pytest.raises(OutputFileError, match=r"got report\.json at .*Choose another -o, or remove it first\.$"):
        attempt(is_resuming=True)


def test_resume_adds_to_the_samples(tmp_path: Path, conductor: Conductor, attempt: Attempt) -> None:
    conductor.interruption = KeyboardInterrupt
    with pytest.raises(StoppedError, match=r"^Stopped\. The samples so far are kept in .* --resume to go on\.$"):
        attempt()
    path = tmp_path / "report" / "samples.jsonl"
    with path.open("ab") as file:
        file.write(b'{"division": "mat')
    before = path.read_bytes()
    with pytest.raises(OutputFileError, match=r"got samples\.jsonl at "):
        attempt()
    first = tuple(conductor.samples)
    conductor.interruption = None
    conductor.samples = make_samples("matched", {"torch": {}}, runs=1)
    comparison = attempt(is_resuming=True, runs=2)
    assert tuple(conductor.known) == first
    assert path.read_bytes().startswith(before + b"\n")
    assert path.read_text(encoding="utf-8").count("identity") == 1
    assert comparison.setting.plan["measured by earlier attempts"] == "1 of 2 runs; took counts the last attempt"
    with pytest.raises(UsageError, match=r"^Expected samples of the same comparison, got those of another one at "):
        attempt(is_resuming=True, values={"plan.seed": 7})


def test_a_first_attempt_says_nothing_of_earlier_ones(attempt: Attempt) -> None:
    assert "measured by earlier attempts" not in attempt().setting.plan


@pytest.mark.parametrize("is_resuming", [False, True])
def test_stopping_before_the_first_run_leaves_nothing(
    tmp_path: Path, conductor: Conductor, attempt: Attempt, is_resuming: bool
) -> None:
    conductor.samples, conductor.interruption = (), KeyboardInterrupt
    with pytest.raises(StoppedError, match=r"^Stopped before the first run was whole: there are no samples to keep"):
        attempt(is_resuming=is_resuming)
    assert list((tmp_path / "report").iterdir()) == []


@pytest.mark.parametrize("left", [b"", b'{"identity":"of another"}\n'])
def test_a_file_without_samples_is_begun_again(tmp_path: Path, attempt: Attempt, left: bytes) -> None:
    path = tmp_path / "report" / "samples.jsonl"
    path.parent.mkdir()
    path.write_bytes(left)
    attempt(is_resuming=True)
    assert path.read_text(encoding="utf-8").count("identity") == 1
    assert "of another" not in path.read_text(encoding="utf-8")


def test_onnx_runtime_alone_is_no_comparison(attempt: Attempt) -> None:
    with pytest.raises(UsageError) as raised:
        attempt("onnxruntime")
    assert raised.value.message == (
        "Expected a column that trains, got onnxruntime at --columns. "
        "ONNX Runtime does not train: add a column of a framework, such as torch, tensorflow or jax."
    )


def test_frameworks_that_are_missing_are_named(attempt: Attempt) -> None:
    with pytest.raises(BackendError) as raised:
        attempt("jax", "onnxruntime")
    assert raised.value.message == (
        "Expected jax here, got none at --columns. "
        "jax needs jax >= 0.4.34 and keras >= 3.8: pip install 'ambidex[jax]'."
    )


def test_one_framework_of_two_is_enough(attempt: Attempt) -> None:
    assert "JAX: not installed (jax >= 0.4.34 and keras >= 3.8)" in attempt("torch", "jax").not_measured


def test_a_quick_report_says_what_it_left_out(attempt: Attempt) -> None:
    left_out = attempt(runs=1, epochs=1).not_measured
    assert "--quick: 1 run of 1 epoch; a full report has 9 runs of 4 epochs of every column" in left_out


def test_a_full_report_says_nothing_of_quick(attempt: Attempt) -> None:
    assert not any("--quick" in text for text in attempt(kind="full").not_measured)
