"""Which framework a report shows to need least from its start to a validation loss that all reach, if any is apart."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ambidex.compare.comparison import Comparison, DivisionResult, Row
from ambidex.compare.statistics import LEAST_GAP, Interval, gap


class Quickest(msgspec.Struct, frozen=True, kw_only=True):
    """The engine, what each engine took (the quickest first), those not clearly slower, and where it was measured."""

    engine: str
    took: dict[str, Interval]
    level: tuple[str, ...]
    division: str
    comparison: Comparison


def find_quickest(comparisons: Sequence[Comparison]) -> Quickest | None:
    """The answer of the first report that has one: in Matched, else in Defaults, which alone a short one times."""
    for comparison in comparisons:
        for name in ("matched", "defaults"):
            division = division_of(comparison, name)
            took = _took(comparison, division) if division else {}
            engine, *others = took or [""]
            level = tuple(other for other in others if not _are_apart(took[engine], took[other]))
            if len(level) < len(others):
                return Quickest(engine=engine, took=took, level=level, division=name, comparison=comparison)
    return None


def _took(comparison: Comparison, division: DivisionResult) -> dict[str, Interval]:
    """Import, first step and epochs until the loss, of each engine's quickest column; nothing for a single run."""
    loss = row_of(division, "time_to_loss")
    start = next((row for one in (division, *comparison.divisions) if (row := row_of(one, "import"))), None)
    if loss is None or start is None:
        return {}
    # The import is timed once per framework, whatever its modes.
    imports = {_engine(column): cell for column, cell in start.cells.items()}
    found = {
        column: _sum(cell, imports[_engine(column)])
        for column, cell in loss.cells.items()
        if _engine(column) in imports and min(cell.runs, imports[_engine(column)].runs) > 1
    }
    took: dict[str, Interval] = {}
    for column in sorted(found, key=lambda column: found[column].median):
        took.setdefault(_engine(column), found[column])
    return took


def _engine(column: str) -> str:
    return column.partition("-")[0]


def _sum(one: Interval, other: Interval) -> Interval:
    return Interval(
        median=one.median + other.median,
        low=one.low + other.low,
        high=one.high + other.high,
        runs=min(one.runs, other.runs),
    )


def _are_apart(one: Interval, other: Interval) -> bool:
    return not one.overlaps(other) and gap(one.median / other.median) >= LEAST_GAP


def division_of(comparison: Comparison, name: str) -> DivisionResult | None:
    """A division by its name, where there is one."""
    return next((division for division in comparison.divisions if division.division == name), None)


def row_of(division: DivisionResult, name: str) -> Row | None:
    """A row by its name, where there is one."""
    return next((row for row in division.rows if row.name == name), None)
