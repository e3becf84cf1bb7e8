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
from ambidex.errors import TrainingError
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
        return Measurement(samples=[*known, *self.samples], failures=list(self.failures))


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
