from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from ambidex.compare.comparison import FORMAT, Comparison, ReportFile, read_report
from ambidex.compare.merge import merge
from ambidex.compare.together import labels, page_lead, page_title
from ambidex.errors import OutputFileError
from tests.compare.samples import make_comparison

Writer = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Writer:
    """Writes a report into a folder of its own, with one sample beside it."""

    def writer(folder: str, *comparisons: Comparison, samples: str = '{"run":0,"values":[0.1]}\n') -> Path:
        path = tmp_path / folder / "report.json"
        path.parent.mkdir()
        path.write_bytes(msgspec.json.encode(ReportFile(format=FORMAT, comparisons=comparisons)))
        if samples:
            path.with_name("samples.jsonl").write_text(f'{{"identity":"{folder}"}}\n{samples}', encoding="utf-8")
        return path

    return writer


def on(file: str, comparison: Comparison) -> Comparison:
    """The comparison, as if of another file of data."""
    setting = msgspec.structs.replace(comparison.setting, data={**comparison.setting.data, "file": file})
    return msgspec.structs.replace(comparison, setting=setting)


DESK, SERVER, LONGER = make_comparison(runs=3), make_comparison(name="server", runs=3), make_comparison(runs=5)


def test_a_label_says_only_what_tells_reports_apart() -> None:
    assert labels([DESK]) == ["desk"]
    assert labels([DESK, SERVER]) == ["desk", "server"]
    assert labels([DESK, LONGER, SERVER]) == ["desk, full, 3 runs", "desk, full, 5 runs", "server"]
    assert labels([DESK, on("oil.csv", DESK)]) == ["desk, adult.csv", "desk, oil.csv"]
    assert labels([DESK, DESK]) == ["desk (1)", "desk (2)"]


def test_title_and_lead_hold_for_all() -> None:
    both = [DESK, on("oil.csv", LONGER)]
    assert page_title(both).startswith("Compared on adult.csv, oil.csv: PyTorch eager, ")
    found = page_lead(both)
    assert "2 reports. desk, adult.csv: Measured by ambidex 0.0 on A processor" in found
    assert "(full, 3 runs of each column in each division) on adult.csv; desk, oil.csv: " in found
    assert "(full, 5 runs of each column in each division) on oil.csv." in found


def test_reports_of_two_machines_become_one_page(tmp_path: Path, write: Writer) -> None:
    merged = merge(tmp_path / "both", [write("desk", DESK), write("server", SERVER)])
    assert merged.has_samples
    assert merged.notes == []
    page = (tmp_path / "both" / "report.md").read_text(encoding="utf-8")
    assert "## Reports side by side" in page
    assert "## Findings · desk" in page
    assert "## Matched · server" in page
    assert len(read_report(tmp_path / "both" / "report.json")) == 2


def test_reports_of_one_machine_are_told_apart(tmp_path: Path, write: Writer) -> None:
    merge(tmp_path / "both", [write("one", DESK), write("two", LONGER)])
    page = (tmp_path / "both" / "report.md").read_text(encoding="utf-8")
    heads = [line for line in page.splitlines() if line.startswith("## ")]
    assert len(heads) == len(set(heads))
    assert [page.count(f"| desk, full, {runs} runs: PyTorch eager |") for runs in (3, 5)] == [4, 4]
    html = (tmp_path / "both" / "report.html").read_text(encoding="utf-8")
    names = re.findall(r'<h2 id="([^"]+)"', html)
    assert len(names) == len(set(names)) == len(heads)


def test_every_sample_says_of_which_report_it_is(tmp_path: Path, write: Writer) -> None:
    merge(tmp_path / "both", [write("one", DESK), write("two", LONGER, samples='{"run":1}\n{"cut off')])
    lines = (tmp_path / "both" / "samples.jsonl").read_text(encoding="utf-8").splitlines()
    assert list(map(json.loads, lines)) == [
        {"report": "desk, full, 3 runs", "identity": "one"},
        {"report": "desk, full, 3 runs", "run": 0, "values": [0.1]},
        {"report": "desk, full, 5 runs", "identity": "two"},
        {"report": "desk, full, 5 runs", "run": 1},
    ]


def test_a_folder_with_a_report_is_not_merged_into(tmp_path: Path, write: Writer) -> None:
    one = write("one", DESK)
    before = one.read_bytes()
    with pytest.raises(OutputFileError, match=r"without a comparison in it.* Choose another -o\.$"):
        merge(one.parent, [one, write("two", SERVER)])
    assert one.read_bytes() == before


def test_a_merged_report_is_merged_again(tmp_path: Path, write: Writer) -> None:
    merge(tmp_path / "both", [write("one", DESK), write("two", SERVER)])
    merged = merge(tmp_path / "all", [tmp_path / "both" / "report.json", write("three", LONGER)])
    assert [one.setting.runs for one in merged.comparisons] == [3, 3, 5]
    lines = (tmp_path / "all" / "samples.jsonl").read_text(encoding="utf-8").splitlines()
    found = ["desk, full, 3 runs", "server", "desk, full, 5 runs"]
    assert list(dict.fromkeys(json.loads(line)["report"] for line in lines)) == found


def test_what_is_given_twice_counts_once(tmp_path: Path, write: Writer) -> None:
    one = write("one", DESK)
    merged = merge(tmp_path / "both", [one, write("copy", DESK), write("two", SERVER)])
    assert len(merged.comparisons) == 2
    assert merged.notes == [f"what {tmp_path / 'copy' / 'report.json'} holds was given before; it counts once"]
    assert (tmp_path / "both" / "samples.jsonl").read_text(encoding="utf-8").count("identity") == 2


def test_missing_samples_are_said_and_no_empty_file_is_written(tmp_path: Path, write: Writer) -> None:
    merged = merge(tmp_path / "both", [write("one", DESK, samples=""), write("two", SERVER, samples="")])
    assert not merged.has_samples
    assert [note.partition(":")[0] for note in merged.notes] == ["no samples of desk", "no samples of server"]
    assert not (tmp_path / "both" / "samples.jsonl").exists()


def test_findings_are_worded_as_the_tables_are(tmp_path: Path, write: Writer) -> None:
    old = msgspec.structs.replace(DESK, findings=("Defaults: an older wording.",))
    (found,) = merge(tmp_path / "both", [write("one", old)]).comparisons
    assert found.findings == DESK.findings
