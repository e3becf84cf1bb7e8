"""Findings: one sentence each, in plain words, with the figures that it rests on. Nothing is called the winner."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from ambidex.compare.comparison import Comparison, Compilation, DivisionResult, ExportResult, Row, Sameness
from ambidex.compare.statistics import Interval, is_only_seen

DIVISION_NAMES: dict[str, str] = {"defaults": "Defaults", "matched": "Matched"}
SAME_FIRST_STEP = 1e-6
BEGINNINGS: dict[str, str] = {
    "import": "To import, {reference} needed",
    "create": "Until the first model was ready, {reference} needed",
    "first_step": "For the first training step, compilation included, {reference} needed",
    "epoch": "Per epoch, {reference} needed",
    "time_to_loss": "To the same validation loss, {reference} needed",
    "memory": "At its peak, {reference} held",
    "device_memory": "On the GPU at its peak, {reference} held",
    "loss": "At the end, {reference} had a validation loss of",
    "quality": "At the end, {reference} had as its {title}",
    "one_row_p50": "To predict one row, {reference} needed",
    "one_row_p99": "For the slowest hundredth of single predictions, {reference} needed",
    "predict_throughput": "In large calls, {reference} predicted",
}
"""How a sentence about measurable differences begins; rows that say the same in another way have none."""


def find(comparison: Comparison) -> tuple[str, ...]:
    """Every finding, the surest and largest kinds first."""
    found: list[str] = []
    for division in comparison.divisions:
        found += _division(division, comparison.titles)
    found += _afterwards(comparison)
    return tuple(found)


def _division(division: DivisionResult, titles: dict[str, str]) -> Iterator[str]:
    name = DIVISION_NAMES[division.division]
    if not is_measured(division):
        yield f"{name}: nothing was measured, because no column came to its end."
        return
    yield from (f"{name}: {text}" for text in _sameness(division, titles))
    for row in division.rows:
        clear = [column for column, contrast in row.contrasts.items() if contrast.is_measurable]
        if clear and row.name in BEGINNINGS:
            yield f"{name}: {sentence(row, clear, division.reference, titles)}"
    for one in division.compilations:
        yield f"{name}: {compilation_sentence(one, titles)}"
    runs = max(
        (row.cells[division.reference].runs for row in division.rows if division.reference in row.cells), default=0
    )
    if runs == 1:
        yield f"{name}: one run cannot tell columns apart; take more with --runs."
    else:
        yield from (f"{name}: {text}" for text in _only_seen(division, titles))
        yield from (f"{name}: {text}" for text in _quiet(division, titles, runs))


def is_measured(division: DivisionResult) -> bool:
    """Whether any column came to its end in it."""
    return any(row.cells for row in division.rows)


def _only_seen(division: DivisionResult, titles: dict[str, str]) -> Iterator[str]:
    """The rows whose intervals lie apart without a test to confirm it, in one sentence with their figures."""
    by_runs: dict[int, list[str]] = {}
    for row in division.rows:
        if row.name not in BEGINNINGS or division.reference not in row.cells:
            continue
        theirs = row.cells[division.reference]
        seen: dict[int, list[str]] = {}
        for column, contrast in row.contrasts.items():
            if is_only_seen(contrast, row.cells[column], theirs):
                times = f"{titles[column]} {amount(row.cells[column].median, row.unit)}"
                seen.setdefault(contrast.ratio.runs, []).append(times)
        for runs, figures in seen.items():
            reference = f"{titles[division.reference]} {amount(theirs.median, row.unit)}"
            by_runs.setdefault(runs, []).append(f"{row.title} ({', '.join([reference, *figures])})")
    for runs, rows in by_runs.items():
        yield f"seen, but not confirmed by {runs} runs: {'; '.join(rows)}."


def _quiet(division: DivisionResult, titles: dict[str, str], runs: int) -> Iterator[str]:
    """What did not differ; and what only one run shows, of which nothing can be said."""
    once: dict[str, list[str]] = {}
    quiet: dict[str, list[str]] = {}
    for row in division.rows:
        for column, contrast in row.contrasts.items():
            only_seen = is_only_seen(contrast, row.cells[column], row.cells[division.reference])
            if not contrast.is_measurable and not only_seen:
                (once if contrast.ratio.runs == 1 else quiet).setdefault(column, []).append(row.title)
    few = f" ({runs} runs show only large and steady differences)" if runs < 5 else ""
    reference = titles[division.reference]
    for column, rows in quiet.items():
        yield f"no measurable difference between {titles[column]} and {reference} in {'; '.join(rows)}{few}."
    for column, rows in once.items():
        pair = f"{titles[column]} beside {reference}"
        yield f"{pair}: only one run, which tells nothing apart, has {'; '.join(rows)}."


def sentence(row: Row, columns: Sequence[str], reference: str, titles: dict[str, str]) -> str:
    """What measurably differs from the reference in a row: how much, and the interval of the quotient."""
    begin = BEGINNINGS[row.name].format(reference=titles[reference], title=row.title)
    theirs = row.cells[reference].median
    return f"{begin} {amount(theirs, row.unit)}; {', '.join(_clause(row, one, reference, titles) for one in columns)}."


def _clause(row: Row, column: str, reference: str, titles: dict[str, str]) -> str:
    ours, theirs, ratio = row.cells[column].median, row.cells[reference].median, row.contrasts[column].ratio
    gap = f"{amount(abs(ours - theirs), row.unit)} {'more' if ours > theirs else 'less'}"
    return f"{titles[column]} {gap} ({digits(ratio.median)} ×, {digits(ratio.low)} to {digits(ratio.high)})"


def compilation_sentence(one: Compilation, titles: dict[str, str]) -> str:
    """When compiling pays."""
    cost = f"compiling ({titles[one.column]}) cost {amount(max(one.cost_s, 0.0), 's')} before the first epoch"
    if one.epochs is None:
        return f"{cost} and did not pay off: an epoch became no more than 5 % faster than in {titles[one.baseline]}."
    epochs = max(1, math.ceil(one.epochs))
    saved = f"saved {amount(one.saved_s_per_epoch, 's')} per epoch"
    return f"{cost}, {saved}, and paid off after {epochs} epoch{'s' if epochs > 1 else ''}."


def _sameness(division: DivisionResult, titles: dict[str, str]) -> Iterator[str]:
    """One sentence on all columns that computed what the reference did, and one on each that did not."""
    same = {name: one for name, one in division.sameness.items() if one.first_step_loss <= SAME_FIRST_STEP}
    reference = titles[division.reference]
    if same:
        names = _and([*(titles[name] for name in same), reference])
        yield f"{names} computed the same thing: {_distances(tuple(same.values()))}."
    for name, one in division.sameness.items():
        if name not in same:
            yield f"{titles[name]} and {reference} did not compute the same thing: {_distances((one,))}."


def _distances(found: Sequence[Sameness]) -> str:
    first, curve, final = (
        max(getattr(one, name) for one in found) for name in ("first_step_loss", "curve", "final_loss")
    )
    spread = f"; seeds alone spread it by {found[0].seed_spread:.2g}" if found[0].seed_spread else ""
    return (
        f"the loss of the first step differed by at most {first:.1e} relative, the curves by at most {curve:.1e}, the "
        f"last validation loss by at most {final:.1e}{spread}"
    )


def _afterwards(comparison: Comparison) -> Iterator[str]:
    sizes = [
        f"{one.engine} {amount(one.install_bytes / 2**20, 'MiB')}" for one in comparison.imports if one.install_bytes
    ]
    if sizes:
        yield f"Installed, with what each needs: {', '.join(sizes)} on the disk."
    cold = [f"{one.engine} {amount(one.cold_s.median, 's')}" for one in comparison.imports if one.cold_s is not None]
    if cold:
        yield f"To import with the files out of the page cache: {', '.join(cold)}."
    if comparison.server_s is not None:
        took = amount(comparison.server_s.median, "s")
        yield f"ONNX Runtime: from starting the server to its first answer it took {took}."
    yield from _exports(comparison.exports)
    for failure in comparison.failures:
        name = DIVISION_NAMES[failure.division]
        yield f"{name}: {comparison.titles[failure.column]} failed in run {failure.run + 1}: {failure.reason}"
    if len(comparison.sources) > 1:
        counts = _and([f"{one.lines} lines ({one.tokens} tokens) in {one.framework}" for one in comparison.sources])
        yield f"Written by hand, this network and its training are {counts}."


def _and(parts: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))


def _exports(exports: Sequence[ExportResult]) -> Iterator[str]:
    """One sentence on the formats that agree with the reference, and one on each of the others."""
    good = [one for one in exports if one.passed and one.max_abs is not None]
    if good:
        shown = ", ".join(
            f"{one.target} ({amount(one.seconds, 's')}, {amount(one.size_bytes / 2**20, 'MiB')}, {one.max_abs:.1e})"
            for one in good
        )
        yield f"Exports within their tolerance (time, size, largest difference from the reference): {shown}."
    yield from (export_sentence(one) for one in exports if one not in good)


def export_sentence(one: ExportResult) -> str:
    """What came of a format that cannot be said to agree."""
    if not one.size_bytes:
        return f"Export to {one.target} failed: {one.reason}"
    size, took = amount(one.size_bytes / 2**20, "MiB"), amount(one.seconds, "s")
    if one.max_abs is None:
        return f"Export to {one.target} took {took} and {size}, {one.reason or 'not compared'}."
    return f"Export to {one.target} differs by {one.max_abs:.1e} from the reference, beyond its tolerance."


def amount(value: float, unit: str) -> str:
    """A number with as many digits as mean something, and its unit."""
    if unit == "s" and value < 1:
        return f"{digits(1000 * value)} ms"
    return f"{digits(value)} {unit}".strip()


def digits(value: float) -> str:
    """Three significant digits, thousands apart."""
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else "–"
    if abs(value) >= 1000:
        return f"{float(f'{value:.3g}'):,.0f}".replace(",", " ")
    return f"{value:.3g}"


def interval_text(interval: Interval, unit: str) -> str:
    """A median with its interval."""
    if interval.runs < 2 or interval.low == interval.high:
        return amount(interval.median, unit)
    return f"{amount(interval.median, unit)} ({between(interval.low, interval.high, unit)})"


def between(low: float, high: float, unit: str) -> str:
    """Two bounds in one unit."""
    if unit == "s" and high < 1:
        return f"{digits(1000 * low)} – {digits(1000 * high)} ms"
    return f"{digits(low)} – {digits(high)} {unit}".strip()
