from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from ambidex.compare.comparison import FORMAT, ReportFile, read_report
from ambidex.compare.page import make_page
from ambidex.errors import InputFileError
from ambidex.report.markdown import to_markdown
from tests.compare.samples import make_comparison, make_empty


@pytest.fixture(scope="module")
def markdown() -> str:
    return to_markdown(make_page([make_comparison()]))


def test_findings_come_first(markdown: str) -> None:
    heads = [line.removeprefix("## ") for line in markdown.splitlines() if line.startswith("## ")]
    assert heads == [
        "Findings",
        "Defaults",
        "Matched",
        "Installing and importing",
        "After training",
        "The code",
        "How it was measured",
        "Environment and repetition",
    ]


def test_rows_without_a_difference_say_so(markdown: str) -> None:
    line = next(line for line in markdown.splitlines() if line.startswith("| epoch of 1024 rows"))
    assert "no measurable difference" in line
    assert "× 0.5" in line


def test_a_cell_says_what_was_seen_but_not_confirmed() -> None:
    markdown = to_markdown(make_page([make_comparison(runs=3, noise=0.35)]))
    line = next(line for line in markdown.splitlines() if line.startswith("| import (lower"))
    assert line.count("; seen, not confirmed by 3 runs)") == 2
    assert "Seen, not confirmed: the intervals are apart" in markdown


def test_imports_that_were_profiled_side_by_side_are_said_to_show_shares_alone(markdown: str) -> None:
    comparison = make_comparison(runs=3)
    quick = msgspec.structs.replace(comparison, setting=msgspec.structs.replace(comparison.setting, kind="quick"))
    caption = "all at once, which slows them: only the shares of one import count, not its seconds"
    assert caption in to_markdown(make_page([quick]))
    assert caption not in markdown


def test_what_was_not_measured_is_said(markdown: str) -> None:
    assert "**Not measured:**\n\n- a GPU" in markdown


def test_the_command_to_repeat_it_is_there(markdown: str) -> None:
    assert "```sh\nambidex compare adult.csv --target income -o report\n```" in markdown


def test_the_legend_says_what_markdown_shows(markdown: str) -> None:
    assert markdown.count("In bold: a measurable difference.") == 2
    assert "nderlined" not in markdown


def test_every_row_says_how_it_was_measured(markdown: str) -> None:
    for row in make_comparison().divisions[0].rows:
        assert f"| {row.title} | {row.how} |" in markdown


def test_a_division_without_a_finished_column_has_a_table_of_dashes() -> None:
    comparison = make_comparison()
    comparison = msgspec.structs.replace(comparison, divisions=(comparison.divisions[0], make_empty("matched")))
    section = to_markdown(make_page([comparison])).partition("## Matched")[2].partition("## Installing")[0]
    assert "| PyTorch eager | TensorFlow graph |" in section
    assert "| predict one row, p50 (lower is better) | – | – |" in section


def test_a_report_comes_back_from_its_file(tmp_path: Path) -> None:
    comparison = make_comparison()
    path = tmp_path / "report.json"
    path.write_bytes(msgspec.json.encode(ReportFile(format=FORMAT, comparisons=(comparison,))))
    assert read_report(path) == (comparison,)


@pytest.mark.parametrize("content", ["{}", "not json", '{"format": 1, "comparisons": [{"ambidex": 3}]}'])
def test_another_file_is_no_report(tmp_path: Path, content: str) -> None:
    path = tmp_path / "report.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(
        InputFileError, match=r"Expected a report of `ambidex compare`, got .* at .*report\.json\. Give the"
    ):
        read_report(path)


@pytest.mark.parametrize("content", ['{"format": 2, "comparisons": []}', '{"format": 2, "machines": {}}'])
def test_a_report_of_a_later_version_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "report.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputFileError) as raised:
        read_report(path)
    assert raised.value.message == (
        f"Expected a report of `ambidex compare`, got format 2, where this version reads 1 at {path}. "
        "Give the report.json that `ambidex compare` wrote, by the same version of ambidex."
    )


def test_a_column_has_one_colour_on_the_whole_page() -> None:
    comparison = make_comparison()
    places: dict[str, set[int]] = {}
    for section in make_page([comparison]).sections:
        for block in section.blocks:
            for chart in getattr(block, "blocks", ()):
                for series in getattr(chart, "series", ()):
                    places.setdefault(series.name, set()).add(series.place)
    assert {name: len(found) for name, found in places.items()} == dict.fromkeys(comparison.titles.values(), 1)
    assert len(set.union(*places.values())) == len(places)
