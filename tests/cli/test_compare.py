"""What `ambidex compare` says of wrong use, before anything is measured."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from tests.compare.samples import make_comparison

from ambidex.cli.main import main
from ambidex.compare.comparison import FORMAT, ReportFile

DATA = "age,answer\n1,yes\n2,no\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--target", "answer"], "Expected a file of data, got none. Name it, or give --from REPORT.json…"),
        (["-", "--target", "answer"], "Expected a file of data, got standard input."),
        (["{data}"], "Expected the column to predict, got none. Name it with --target."),
        (
            ["{data}", "--target", "answer", "--columns", "torhc"],
            "at --columns. Did you mean 'torch'?",
        ),
        (["{data}", "--target", "answer", "--runs", "0"], "Expected at least 1, got 0 at --runs."),
        (
            ["{data}", "--target", "answer", "--device", "tpu"],
            "Expected auto, cpu, cuda or cuda:N, got 'tpu' at --device.",
        ),
        (["{data}", "--from", "report.json"], "Expected no DATA beside --from"),
        (["--target", "answer", "--from", "report.json"], "Expected no --target beside --from, got both. Merge"),
        (["--quick", "--from", "report.json"], "Expected no --quick beside --from"),
        (["--from", "nowhere.json"], "Expected a report of `ambidex compare`, got No such file or directory"),
        (["{data}", "--target", "answer", "--set", "weight=age"], "Expected rows that count alike, got weights"),
        (
            ["{data}", "--target", "answer", "--time", "age", "--horizon", "2", "--model", "linear"],
            "Expected a model that is trained, got 'linear', which is solved. Choose one that frameworks train",
        ),
    ],
)
def test_wrong_use_is_one_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    data = tmp_path / "data.csv"
    data.write_text(DATA, encoding="utf-8")
    given = [argument.format(data=data) for argument in arguments]
    assert main(["compare", *given, "-o", str(tmp_path / "report"), "--quiet"]) == 2
    assert message in capsys.readouterr().err


def test_a_file_is_no_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "data.csv"
    data.write_text(DATA, encoding="utf-8")
    assert main(["compare", str(data), "--target", "answer", "-o", str(data)]) == 2
    assert "Expected a folder to write to, got File exists" in capsys.readouterr().err


@pytest.fixture
def reports(tmp_path: Path) -> list[str]:
    """Two reports of machines with one name."""
    found = []
    for runs in (3, 5):
        path = tmp_path / f"{runs}.json"
        path.write_bytes(msgspec.json.encode(ReportFile(format=FORMAT, comparisons=(make_comparison(runs=runs),))))
        found.append(str(path))
    return found


def test_reports_are_merged(tmp_path: Path, reports: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "--from", *reports, "-o", str(tmp_path / "both")]) == 0
    out, err = capsys.readouterr()
    assert "desk, full, 3 runs:\n- " in out
    assert f"wrote {tmp_path / 'both' / 'report.html'} (and report.md, report.json)\n" in out
    assert err.count("no samples of desk, full, ") == 2
    assert (tmp_path / "both" / "report.html").stat().st_size > 10_000
    assert not (tmp_path / "both" / "samples.jsonl").exists()


def test_a_report_given_twice_counts_once(
    tmp_path: Path, reports: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", "--from", reports[0], *reports, "-o", str(tmp_path / "both"), "--json"]) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert found["files"] == ["report.html", "report.md", "report.json"]
    assert [one["report"] for one in found["comparisons"]] == ["desk, full, 3 runs", "desk, full, 5 runs"]
    assert f"what {reports[0]} holds was given before; it counts once\n" in err
