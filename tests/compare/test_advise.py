from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from ambidex.cli.main import main
from ambidex.compare.advise import PLACES, Case, advise
from ambidex.compare.comparison import FORMAT, ReportFile
from tests.compare.samples import make_comparison


@pytest.mark.parametrize("place", PLACES)
def test_every_place_has_a_target_and_every_line_its_evidence(place: str) -> None:
    advice = advise(Case(run_on=place))
    assert advice.target
    assert advice.target in advice.command or "serve" in advice.command
    assert all(reason.evidence for reason in advice.reasons)
    assert any(f"{advice.target} for {place}" in reason.text for reason in advice.reasons)


def test_what_the_team_knows_decides() -> None:
    comparison = make_comparison(runs=3)
    assert advise(Case(team="keras"), [comparison]).backend == "tensorflow"
    assert advise(Case(team="torch"), [comparison]).backend == "torch"


def test_without_a_team_the_measured_times_decide() -> None:
    advice = advise(Case(), [make_comparison(runs=3)])
    assert advice.backend == "torch"
    assert "adult.csv on desk, full, 3 runs" in advice.reasons[0].evidence


def test_the_report_that_decided_is_cited() -> None:
    reports = [make_comparison(name="once", runs=1), make_comparison(name="server", runs=3)]
    first = advise(Case(), reports).reasons[0]
    assert first.text == "PyTorch: it took the least time from start to the same validation loss in Matched."
    assert first.evidence.startswith("measured, adult.csv on server, full, 3 runs: import, first step and epochs")


def test_a_report_that_times_only_defaults_decides_by_them() -> None:
    defaults, matched = make_comparison(runs=3).divisions
    rows = tuple(row for row in matched.rows if row.name not in {"import", "time_to_loss"})
    comparison = msgspec.structs.replace(
        make_comparison(runs=3), divisions=(defaults, msgspec.structs.replace(matched, rows=rows))
    )
    first = advise(Case(), [comparison]).reasons[0]
    assert first.text == "PyTorch: it took the least time from start to the same validation loss in Defaults."
    assert re.search(r": PyTorch [\d.]+ s \(.*\), Keras on TensorFlow [\d.]+ s \(", first.evidence)


def test_what_no_report_tells_apart_decides_nothing() -> None:
    for comparison in (make_comparison(runs=1), make_comparison(runs=3, noise=1.5)):
        first = advise(Case(), [comparison]).reasons[0]
        assert first.text.startswith("The reports tell no framework apart from start to the same loss. PyTorch: ")


def test_what_was_only_seen_is_not_called_measured() -> None:
    texts = [reason.text for reason in advise(Case(), [make_comparison(runs=3, noise=0.35)]).reasons]
    (line,) = (text for text in texts if text.startswith("Defaults, epoch"))
    assert line.endswith("Seen to differ from PyTorch eager, but not confirmed: TensorFlow XLA.")


def test_measured_facts_are_cited() -> None:
    texts = [reason.text for reason in advise(Case(run_on="browser"), [make_comparison(runs=3)]).reasons]
    assert any(text.startswith("The export to onnx took 20 ms") for text in texts)
    assert any(text.startswith("Predicting one row took PyTorch eager") for text in texts)


def test_what_is_not_known_is_said() -> None:
    assert "Nothing was measured on your data" in advise(Case()).caveats[0]
    assert any("No report of a GPU" in text for text in advise(Case(hardware="gpu")).caveats)
    assert any("`linear`" in text for text in advise(Case(is_series=True)).caveats)
    assert any("300 rows" in text for text in advise(Case(rows=300)).caveats)


def test_the_command_reads_a_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "report.json"
    path.write_bytes(msgspec.json.encode(ReportFile(format=FORMAT, comparisons=(make_comparison(runs=3),))))
    assert main(["advise", "--run-on", "server", "--report", str(path), "--json"]) == 0
    advice = json.loads(capsys.readouterr().out)
    assert advice["command"].endswith("ambidex serve model.ambidex")
    assert main(["advise", "--run-on", "server", "--report", str(path)]) == 0
    assert "  evidence: measured, adult.csv on desk" in capsys.readouterr().out


def test_on_a_terminal_it_asks_until_it_understands() -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "ambidex", "advise"]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        os.write(ours, b"cpu\nbrowsr\nbrowser\nkeras\n")
        said = "".join(iter(lambda: _read(ours), ""))
    os.close(ours)
    assert process.returncode == 0, said
    assert said.count("--run-on: ") == 2
    assert "got 'browsr' at --run-on. Did you mean 'browser'?" in said
    assert "backend  tensorflow" in said


def _read(terminal: int) -> str:
    """What was printed; nothing once the other side has ended."""
    try:
        return os.read(terminal, 4096).decode()
    except OSError:
        return ""


def test_a_wrong_place_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["advise", "--run-on", "browsr"]) == 2
    assert "got 'browsr' at --run-on. Did you mean 'browser'?" in capsys.readouterr().err
