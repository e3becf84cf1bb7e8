"""The README's comparison says what the report in docs/reports says, a division at a time."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DIVISION = re.compile(r" \((Defaults|Matched)\)$")
ROWS = {
    "import": "import",
    "first training step": "first training step, with compilation",
    "epoch of 8192 rows": "epoch of 8192 rows",
    "peak memory": "peak memory",
    "predict one row": "predict one row, p50",
    "accuracy": "accuracy",
}
UNITS = {"s": 1.0, "ms": 0.001, "MiB": 1.0, "": 1.0}

Rows = dict[str, dict[str, str]]


def tables(text: str, first_head: str) -> list[Rows]:
    """The tables whose second head is so called: row to column to cell."""
    found: list[Rows] = []
    heads: list[str] = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("| ").split("|")] if line.startswith("|") else []
        if not cells:
            heads = []
        elif line.startswith(("|  |", "| |")):
            heads = [cell.strip() for cell in line.split("|")[2:-1]]
            if heads[0] != first_head:
                heads = []
                continue
            found.append({})
        elif heads and "---" not in line:
            name, *values = (cell.strip() for cell in line.split("|")[1:-1])
            found[-1][name] = dict(zip(heads, values, strict=True))
    return found


def amount(cell: str) -> tuple[float, float]:
    """A cell's number in its base unit, and half of its last digit."""
    match = re.match(r"\**([\d. ]*\d) ?(ms|s|MiB)?", cell)
    assert match is not None, cell
    digits, factor = match[1].replace(" ", ""), UNITS[match[2] or ""]
    places = len(digits.partition(".")[2])
    return factor * float(digits), 0.501 * factor * 10**-places


def test_every_figure_is_the_reports_and_bold_where_it_is_measurable() -> None:
    (readme,) = tables((ROOT / "README.md").read_text(encoding="utf-8"), "PyTorch eager")
    report = (ROOT / "docs" / "reports" / "adult.md").read_text(encoding="utf-8")
    found = dict(zip(("Defaults", "Matched"), tables(report, "PyTorch eager"), strict=True))
    assert {DIVISION.sub("", label) for label in readme} == set(ROWS)
    for label, cells in readme.items():
        division = DIVISION.search(label)
        assert division is not None, label
        rows = {name.partition(" (")[0]: row for name, row in found[division[1]].items()}
        theirs = rows[ROWS[DIVISION.sub("", label)]]
        for column, cell in cells.items():
            place = f"{label}, {column}"
            assert bool(cell) is (theirs[column] != "–"), place
            if cell:
                (ours, slack), (value, _) = amount(cell), amount(theirs[column])
                assert abs(ours - value) <= slack, place
                assert cell.startswith("**") is theirs[column].startswith("**"), place
