"""What a page says of all its reports together: a label for each, the title, the lead, their figures side by side."""

from __future__ import annotations

from collections.abc import Sequence

from ambidex.compare.comparison import Comparison
from ambidex.compare.finding import DIVISION_NAMES, interval_text
from ambidex.report.page import Cell, Section, Table


def labels(comparisons: Sequence[Comparison]) -> list[str]:
    """A name for each that no other has: its machine's, then what tells it apart, then a number."""
    found = [one.machine.name for one in comparisons]
    for details in zip(*map(_details, comparisons), strict=True):
        seen: dict[str, set[str]] = {}
        for label, detail in zip(found, details, strict=True):
            seen.setdefault(label, set()).add(detail)
        pairs = zip(found, details, strict=True)
        found = [f"{label}, {detail}" if len(seen[label]) > 1 else label for label, detail in pairs]
    counts = [found[:position].count(label) + 1 for position, label in enumerate(found)]
    pairs_and_counts = zip(found, counts, strict=True)
    return [f"{label} ({count})" if found.count(label) > 1 else label for label, count in pairs_and_counts]


def _details(comparison: Comparison) -> tuple[str, ...]:
    """What may tell apart two reports of one machine, the most telling first."""
    setting = comparison.setting
    model = setting.data.get("model of Matched", "").partition(" ")[0]
    return setting.data["file"], model, f"{setting.kind}, {_runs(setting.runs)}"


def _runs(count: int) -> str:
    return f"{count} run{'s' if count > 1 else ''}"


def page_title(comparisons: Sequence[Comparison]) -> str:
    """Every file of data and every column that takes part."""
    files = ", ".join(dict.fromkeys(one.setting.data["file"] for one in comparisons))
    names = ", ".join(dict.fromkeys(name for one in comparisons for name in one.titles.values()))
    return f"Compared on {files}: {names}"


def page_lead(comparisons: Sequence[Comparison]) -> str:
    """Where, with what and how often each was measured."""
    if len(comparisons) == 1:
        return f"{_measured(comparisons[0])}. These figures hold for this data and this machine."
    each = "; ".join(
        f"{label}: {_measured(one)} on {one.setting.data['file']}"
        for label, one in zip(labels(comparisons), comparisons, strict=True)
    )
    return f"{len(comparisons)} reports. {each}. Each one's figures hold for its data and its machine."


def _measured(one: Comparison) -> str:
    runs = f"{one.setting.kind}, {_runs(one.setting.runs)} of each column in each division"
    return f"Measured by ambidex {one.ambidex} on {one.machine.cpu}, {one.machine.cores} cores ({runs})"


def side_by_side(comparisons: Sequence[Comparison]) -> Section:
    """Epoch and prediction of every column in every report; reports are not set against each other."""
    rows = []
    for label, comparison in zip(labels(comparisons), comparisons, strict=True):
        for division in comparison.divisions:
            by_name = {row.name: row for row in division.rows}
            for row in (by_name[name] for name in ("epoch", "one_row_p50") if name in by_name):
                for column, cell in row.cells.items():
                    texts = (
                        f"{label}: {comparison.titles[column]}",
                        DIVISION_NAMES[division.division],
                        row.title,
                        interval_text(cell, row.unit),
                    )
                    rows.append(tuple(Cell(text=text) for text in texts))
    heads = ("report and column", "division", "row", "value")
    table = Table(caption="Medians with intervals", heads=heads, rows=tuple(rows))
    return Section(title="Reports side by side", blocks=(table,))
