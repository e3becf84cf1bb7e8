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
from ambidex.compare.advise import PLACES, Case, Reason, advise
from ambidex.compare.comparison import FORMAT, Comparison, ReportFile
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


def caveat(case: Case, start: str, *comparisons: Comparison) -> Reason:
    """The one caveat that begins so."""
    (found,) = (one for one in advise(case, comparisons).caveats if one.text.startswith(start))
    return found


def test_what_is_not_known_is_said_with_its_evidence() -> None:
    assert caveat(Case(), "Nothing was measured on your data").evidence == "no --report was given"
    assert caveat(Case(hardware="gpu"), "No report of a GPU").evidence == "no --report was given"
    report = make_comparison(runs=3)
    assert caveat(Case(hardware="gpu"), "No report of a GPU", report).evidence == "device of the reports: cpu"
    assert "docs/experiment.md" in caveat(Case(hardware="mac"), "Training runs on the CPU of a Mac").evidence
    assert "docs/benchmarks.md" in caveat(Case(time="date"), "Train `linear`").evidence
    assert caveat(Case(file="a.csv", rows=300), "300 rows").evidence.startswith("rows counted in a.csv; ")


def on(file: str, fingerprint: str, command: str, *, name: str = "desk") -> Comparison:
    """A report of a file of data."""
    comparison = make_comparison(runs=3, name=name)
    data = {**comparison.setting.data, "file": file, "fingerprint": fingerprint}
    setting = msgspec.structs.replace(comparison.setting, data=data, command=command)
    return msgspec.structs.replace(comparison, setting=setting)


ADULT = on("adult.csv", "1a", "ambidex compare 'my data/adult.csv' --target income --drop uci_split --quick -o report")


def test_a_report_of_other_data_is_remarked_and_comes_last() -> None:
    case = Case(file="mine.csv", fingerprint="2b")
    found = caveat(case, "The report of adult.csv is of other data than mine.csv", ADULT)
    assert found.evidence == "fingerprints: 1a in the report, 2b of the file"
    mine = on("mine.csv", "2b", "", name="server")
    assert "mine.csv on server" in advise(case, [ADULT, mine]).reasons[0].evidence
    assert advise(Case(file="adult.csv", fingerprint="1a"), [ADULT]).caveats == ()


@pytest.mark.parametrize(
    ("case", "reports", "words"),
    [
        (Case(), [], "DATA --target …"),
        (Case(file="my data.csv", fingerprint="2b"), [], "'my data.csv' --target …"),
        (Case(file="oil.csv", time="date"), [], "oil.csv --target … --time date --horizon …"),
        (Case(), [ADULT], "'my data/adult.csv' --target income --drop uci_split"),
        (Case(file="a.csv", fingerprint="1a"), [ADULT], "a.csv --target income --drop uci_split"),
        (Case(file="mine.csv", fingerprint="2b"), [ADULT], "mine.csv --target …"),
        (
            Case(),
            [on("oil.csv", "3c", "ambidex compare oil.csv --target OT --time date --horizon 24 --model lstm -o r")],
            "oil.csv --target OT --time date --horizon 24",
        ),
        (Case(), [on("x.csv", "4d", "ambidex 'compare")], "DATA --target …"),
    ],
)
def test_the_command_has_what_is_known(case: Case, reports: list[Comparison], words: str) -> None:
    assert advise(case, reports).command.startswith(f"ambidex train {words} --backend ")


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
        os.write(ours, b"nope.csv\n\ncpu\nbrowsr\nbrowser\nkeras\n")
        said = "".join(iter(lambda: _read(ours), ""))
    os.close(ours)
    assert process.returncode == 0, said
    assert said.count("--data: ") == 2
    assert "Expected a file to read, got nothing at nope.csv." in said
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


def test_a_column_that_the_data_lacks_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "oil.csv"
    data.write_text("date,price\n2020-01-01,3\n", encoding="utf-8")
    assert main(["advise", "--data", str(data), "--time", "dat"]) == 2
    assert "Expected a column of oil.csv, got 'dat' at --time. Use one of date, price" in capsys.readouterr().err
    assert main(["advise", "--data", str(data), "--time", "date", "--json"]) == 0
    advice = json.loads(capsys.readouterr().out)
    assert f"ambidex train {data} --target … --time date --horizon … --backend torch" in advice["command"]
    assert all(one["evidence"] for one in advice["reasons"] + advice["caveats"])
