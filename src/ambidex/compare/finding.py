"""Findings: one sentence each, in plain words, with the figures that it rests on. Nothing is called the winner."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ambidex.compare.comparison import Comparison, Compilation, DivisionResult, ExportResult, Row
from ambidex.compare.statistics import Contrast, Interval

DIVISION_NAMES: dict[str, str] = {"defaults": "Defaults", "matched": "Matched"}
SAME_FIRST_STEP = 1e-6
SENTENCES: dict[str, str] = {
    "import": "{column} needed {gap} {more} than {reference} to import",
    "create": "{column} needed {gap} {more} than {reference} until the first model and optimizer stood",
    "first_step": "{column} needed {gap} {more} than {reference} for the first training step, compilation included",
    "epoch": "{column} needed {times} the time of {reference} per epoch",
    "time_to_loss": "{column} needed {gap} {more} than {reference} to reach the same validation loss",
    "memory": "{column} held {gap} {more} memory than {reference} at its peak",
    "device_memory": "{column} held {gap} {more} memory than {reference} on the GPU at its peak",
    "loss": "{column} ended at {times} the validation loss of {reference}",
    "quality": "{column} ended at {times} the {title} of {reference}",
    "one_row_p50": "{column} needed {times} the time of {reference} to predict one row",
    "one_row_p99": "{column} needed {times} the time of {reference} for the slowest hundredth of single predictions",
    "predict_throughput": "{column} predicted {times} the rows per second of {reference} in large calls",
}
"""What is said of a measurable difference; rows that say the same in another way have no sentence."""


def find(comparison: Comparison) -> tuple[str, ...]:
    """Every finding, the surest and largest kinds first."""
    found: list[str] = []
    for division in comparison.divisions:
        found += _division(division, comparison.titles)
    found += _afterwards(comparison)
    return tuple(found)


def _division(division: DivisionResult, titles: dict[str, str]) -> Iterator[str]:
    name = DIVISION_NAMES[division.division]
    yield from (f"{name}: {text}" for text in _sameness(division, titles))
    quiet: dict[str, list[str]] = {}
    for row in division.rows:
        for column, contrast in row.contrasts.items():
            if not contrast.is_measurable:
                quiet.setdefault(column, []).append(row.title)
            elif row.name in SENTENCES:
                yield f"{name}: {sentence(row, column, division.reference, titles)}"
    for one in division.compilations:
        yield f"{name}: {compilation_sentence(one, titles)}"
    runs = division.rows[0].cells[division.reference].runs if division.rows else 0
    if runs == 1:
        yield f"{name}: one run cannot tell columns apart; take more with --runs."
        return
    for column, rows in quiet.items():
        few = f" ({runs} runs show only large and steady differences)" if runs < 5 else ""
        yield (
            f"{name}: no measurable difference between {titles[column]} and {titles[division.reference]} in "
            f"{', '.join(rows)}{few}."
        )


def sentence(row: Row, column: str, reference: str, titles: dict[str, str]) -> str:
    """What a measurable difference is, with both medians and the interval of their quotient."""
    contrast, ours, theirs = row.contrasts[column], row.cells[column], row.cells[reference]
    text = SENTENCES[row.name].format(
        column=titles[column],
        reference=titles[reference],
        gap=amount(abs(ours.median - theirs.median), row.unit),
        more="more" if contrast.ratio.median > 1 else "less",
        times=times(contrast.ratio.median),
        title=row.title,
    )
    figures = f"{amount(ours.median, row.unit)} against {amount(theirs.median, row.unit)}"
    return f"{text} ({figures}; {quotient(contrast)})."


def compilation_sentence(one: Compilation, titles: dict[str, str]) -> str:
    """When compiling pays."""
    cost = f"compiling ({titles[one.column]}) cost {amount(max(one.cost_s, 0.0), 's')} before the first epoch"
    if one.epochs is None:
        return f"{cost} and did not pay off: an epoch became no more than 5 % faster than in {titles[one.baseline]}."
    epochs = max(1, math.ceil(one.epochs))
    saved = f"saved {amount(one.saved_s_per_epoch, 's')} per epoch"
    return f"{cost}, {saved}, and paid off after {epochs} epoch{'s' if epochs > 1 else ''}."


def _sameness(division: DivisionResult, titles: dict[str, str]) -> Iterator[str]:
    for column, same in division.sameness.items():
        pair = f"{titles[column]} and {titles[division.reference]}"
        is_same = same.first_step_loss <= SAME_FIRST_STEP
        claim = f"{pair} computed the same thing" if is_same else f"{pair} did not compute the same thing"
        spread = f"; seeds alone spread it by {same.seed_spread:.2g}" if same.seed_spread else ""
        yield (
            f"{claim}: the loss of the first step differed by at most {same.first_step_loss:.1e} relative, the curves "
            f"by at most {same.curve:.1e}, the last validation loss by at most {same.final_loss:.1e}{spread}."
        )


def _afterwards(comparison: Comparison) -> Iterator[str]:
    for profile in comparison.imports:
        if profile.install_bytes:
            size = amount(profile.install_bytes / 2**20, "MiB")
            yield f"Installed, {profile.engine} and what it needs take {size} on the disk."
        if profile.cold_s is not None:
            cold = amount(profile.cold_s.median, "s")
            yield f"With its files out of the page cache, importing {profile.engine} took {cold}."
    if comparison.server_s is not None:
        took = amount(comparison.server_s.median, "s")
        yield f"ONNX Runtime: from starting the server to its first answer it took {took}."
    yield from (export_sentence(one) for one in comparison.exports)
    for failure in comparison.failures:
        name = DIVISION_NAMES[failure.division]
        yield f"{name}: {comparison.titles[failure.column]} failed in run {failure.run + 1}: {failure.reason}"
    if len(comparison.sources) > 1:
        counts = " and ".join(
            f"{one.lines} lines ({one.tokens} tokens) in {one.framework}" for one in comparison.sources
        )
        yield f"Written by hand, this network and its training are {counts}."


def export_sentence(one: ExportResult) -> str:
    """What came of one format."""
    if not one.size_bytes:
        return f"Export to {one.target} failed: {one.reason}"
    size, took = amount(one.size_bytes / 2**20, "MiB"), amount(one.seconds, "s")
    if one.max_abs is None:
        return f"Export to {one.target} took {took} and {size}, {one.reason or 'not compared'}."
    word = "within its tolerance" if one.passed else "beyond its tolerance"
    return (
        f"Export to {one.target} took {took} and {size}, and differs by at most {one.max_abs:.1e} from the reference, "
        f"{word}."
    )


def quotient(contrast: Contrast) -> str:
    """The quotient with its interval."""
    ratio = contrast.ratio
    return f"quotient {digits(ratio.median)}, interval {digits(ratio.low)} to {digits(ratio.high)}"


def times(ratio: float) -> str:
    """A factor as it stands before "the time of"."""
    return f"{digits(ratio)} times" if ratio >= 1 else f"{100 * ratio:.0f} % of"


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
