"""The comparison as a page: findings, then each division with its table and pictures, then how it was measured."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from ambidex.compare.comparison import Comparison, DivisionResult, ImportProfile, Row, Source
from ambidex.compare.finding import DIVISION_NAMES, amount, between, digits, interval_text
from ambidex.compare.statistics import ERROR_RATE, LEAST_GAP, is_only_seen
from ambidex.compare.together import labels, page_lead, page_title, side_by_side
from ambidex.report.page import (
    Bars,
    Block,
    Bullets,
    Cell,
    Code,
    Folded,
    Lines,
    Page,
    Section,
    Series,
    SideBySide,
    Table,
    Text,
)

MEANINGS: dict[str, str] = {
    "defaults": (
        "What a user of each framework would write, with that framework's own defaults: its initial weights, its Adam, "
        "its loop. Differences here come from defaults as much as from speed."
    ),
    "matched": (
        "The same computation in each framework, by ambidex's own trainer: same initial weights, same batches, same "
        "update equation, same precision, no dropout, the same fixed number of epochs. In TensorFlow and JAX many "
        "steps run in one call here."
    ),
}
BARS: tuple[tuple[str, str], ...] = (
    ("import", "Import"),
    ("first_step", "First training step, compilation included"),
    ("epoch", "An epoch"),
    ("memory", "Peak memory"),
)


PRACTICE: tuple[str, ...] = (
    """Every column of every run is a fresh process. The processes of a run work one at a time and take turns, in the
    order A-B-B-A, epoch by epoch and block by block of predictions, so that a busy moment falls on neighbours.""",
    """A process goes through both divisions. What only a fresh process shows (import, first model, first step, peak
    memory) is taken of the division that came first: of each in half of the runs, or of Defaults alone where there are
    fewer than six. The import is timed once per framework, whatever its modes.""",
    "Threads and precision are set to the same in all of them and printed below as each framework reports them.",
    f"""Quotients are taken within runs. A difference is called measurable where the bootstrap interval of the median
    quotient leaves out 1, the paired t test is significant, both corrected for the number of rows compared
    (Bonferroni, Holm; {100 * ERROR_RATE:.0f} % together), and the gap is at least {100 * LEAST_GAP:.0f} %. Of the
    others, "no measurable difference" is said where the intervals of the two columns overlap or the gap is smaller, and
    "seen, not confirmed" where they are apart by such a gap but the runs are too few for the test.""",
    """Accuracy is compared seed by seed: run and seed go together. No column is called the winner: rows weigh
    differently for everybody.""",
    """What would change these figures: another number of rows, width or batch size (compilation and steps per call
    pay more for larger networks), more threads, a GPU.""",
)
"""How every comparison is made, whatever the data."""


def make_page(comparisons: Sequence[Comparison]) -> Page:
    """One page for one report, or for several."""
    sections: list[Section] = []
    if len(comparisons) > 1:
        sections.append(side_by_side(comparisons))
    for label, comparison in zip(labels(comparisons), comparisons, strict=True):
        sections += _sections(comparison, f" · {label}" if len(comparisons) > 1 else "")
    return Page(title=page_title(comparisons), lead=page_lead(comparisons), sections=tuple(sections))


def _sections(comparison: Comparison, suffix: str) -> Iterator[Section]:
    note = Text(text="In brackets: how many times the first column's figure, and the interval of that quotient.")
    yield Section(title=f"Findings{suffix}", blocks=(note, Bullets(items=comparison.findings)))
    for division in comparison.divisions:
        yield _division(comparison, division, suffix)
    yield _start(comparison, suffix)
    yield _afterwards(comparison, suffix)
    if comparison.sources or comparison.timed:
        yield _code(comparison, suffix)
    yield _method(comparison, suffix)
    yield _environment(comparison, suffix)


def _division(comparison: Comparison, division: DivisionResult, suffix: str) -> Section:
    name = DIVISION_NAMES[division.division]
    charts: list[Lines | Bars | Code] = [
        *_curves(comparison, division),
        *_bars(comparison, division),
        *_latencies(comparison, division),
    ]
    blocks: list[Block] = [Text(text=MEANINGS[division.division]), _table(comparison, division)]
    if division.sameness:
        blocks.append(_sameness(comparison, division))
    if charts:
        blocks.append(SideBySide(blocks=tuple(charts)))
    return Section(title=f"{name}{suffix}", blocks=tuple(blocks))


def _table(comparison: Comparison, division: DivisionResult) -> Table:
    reference = comparison.titles[division.reference]
    heads = ("", *(comparison.titles[column] for column in division.columns))
    rows = tuple(
        (_label(row), *(_cell(row, column, division.reference) for column in division.columns)) for row in division.rows
    )
    caption = (
        f"{DIVISION_NAMES[division.division]}: medians of runs with {100 - 100 * ERROR_RATE:.0f} % bootstrap "
        f"intervals, and the quotient to {reference}. In bold: a measurable difference. Seen, not confirmed: the "
        "intervals are apart, but so few runs do not prove a difference. A dash: not measured."
    )
    return Table(caption=caption, heads=heads, rows=rows)


def _label(row: Row) -> Cell:
    return Cell(text=row.title, detail="higher is better" if row.higher_is_better else "lower is better")


def _cell(row: Row, column: str, reference: str) -> Cell:
    interval = row.cells.get(column)
    if interval is None:
        return Cell(text="–")
    detail = between(interval.low, interval.high, row.unit)
    contrast = row.contrasts.get(column)
    if column == reference or contrast is None:
        return Cell(text=amount(interval.median, row.unit), detail=detail if interval.runs > 1 else "")
    verdict = f"× {digits(contrast.ratio.median)}" if contrast.is_measurable else "no measurable difference"
    if contrast.ratio.runs == 1:
        verdict = "one run"
    elif is_only_seen(contrast, interval, row.cells[reference]):
        verdict = f"seen, not confirmed by {contrast.ratio.runs} runs"
    mark = ("more" if contrast.ratio.median > 1 else "less") if contrast.is_measurable else ""
    return Cell(
        text=amount(interval.median, row.unit),
        detail=detail if interval.runs > 1 else "",
        verdict=verdict,
        mark=mark,
    )


def _sameness(comparison: Comparison, division: DivisionResult) -> Table:
    rows = tuple(
        (
            Cell(text=comparison.titles[column]),
            Cell(text=f"{same.first_step_loss:.1e}"),
            Cell(text=f"{same.curve:.1e}"),
            Cell(text=f"{same.final_loss:.1e}"),
            Cell(text=f"{same.seed_spread:.1e}" if same.seed_spread else "–"),
        )
        for column, same in division.sameness.items()
    )
    heads = (
        "",
        "loss of the first step, relative",
        "losses of all steps, relative",
        "last validation loss, absolute",
        "its spread over seeds",
    )
    caption = f"How far each column is from {comparison.titles[division.reference]}: the largest over all runs"
    return Table(caption=caption, heads=heads, rows=rows)


def _place(comparison: Comparison, column: str) -> int:
    """A column's colour and style, which are the same in every picture."""
    return list(comparison.titles).index(column)


def _curves(comparison: Comparison, division: DivisionResult) -> Iterator[Lines]:
    if not division.curves:
        return
    series = tuple(
        Series(
            name=comparison.titles[column],
            place=_place(comparison, column),
            x=tuple(float(epoch) for epoch in range(len(curve.median))),
            y=curve.median,
            low=curve.low,
            high=curve.high,
        )
        for column, curve in division.curves.items()
    )
    ends = "; ".join(f"{one.name} {digits(one.y[-1])}" for one in series)
    text = f"Medians over seeds, the bands from the lowest to the highest. After the last epoch: {ends}."
    yield Lines(title="Validation loss", x_label="epoch", y_label="loss", series=series, text=text)


def _bars(comparison: Comparison, division: DivisionResult) -> Iterator[Bars]:
    by_name = {row.name: row for row in division.rows}
    for name, title in BARS:
        row = by_name.get(name)
        if row is None or len(row.cells) < 2:
            continue
        series = tuple(
            Series(
                name=comparison.titles[column],
                place=_place(comparison, column),
                y=(cell.median,),
                low=(cell.low,),
                high=(cell.high,),
            )
            for column, cell in row.cells.items()
        )
        text = "; ".join(
            f"{comparison.titles[column]} {amount(cell.median, row.unit)}" for column, cell in row.cells.items()
        )
        unit = "seconds" if row.unit == "s" else row.unit
        yield Bars(title=title, x_label=unit, series=series, text=f"{text}.")


def _latencies(comparison: Comparison, division: DivisionResult) -> Iterator[Lines]:
    known = {column: values for column, values in division.one_row_ms.items() if len(values) > 1}
    if not known:
        return
    series = tuple(
        Series(
            name=comparison.titles[column],
            place=_place(comparison, column),
            x=values,
            y=tuple(100 * position / (len(values) - 1) for position in range(len(values))),
        )
        for column, values in known.items()
    )
    text = "The share of single-row predictions that took at most so long; further left is faster."
    yield Lines(
        title="Predicting one row",
        x_label="milliseconds",
        y_label="share of calls, %",
        series=series,
        text=text,
        is_log_x=True,
    )


def _start(comparison: Comparison, suffix: str) -> Section:
    profiles = comparison.imports
    rows = tuple(
        (
            Cell(text=profile.engine),
            Cell(text=amount(profile.install_bytes / 2**20, "MiB") if profile.install_bytes else "–"),
            Cell(text=_packages(profile)),
            Cell(text=interval_text(profile.cold_s, "s") if profile.cold_s else "–", detail=profile.why_not_cold),
            Cell(text=_slowest(profile)),
        )
        for profile in profiles
    )
    heads = ("", "installed", "largest packages", "cold import", "slowest parts of a warm import")
    caption = "What each framework brings along, and where its import goes"
    if comparison.setting.kind == "quick":
        caption += (
            ". With --quick the slowest parts are of imports all at once, which slows them: only the shares of one "
            "import count, not its seconds; its time is the row import of Defaults"
        )
    table = Table(caption=caption, heads=heads, rows=rows)
    return Section(title=f"Installing and importing{suffix}", blocks=(table,))


def _packages(profile: ImportProfile) -> str:
    largest = list(profile.packages.items())[:3]
    return ", ".join(f"{name} {amount(size / 2**20, 'MiB')}" for name, size in largest)


def _slowest(profile: ImportProfile) -> str:
    return ", ".join(f"{name} {amount(seconds, 's')}" for name, seconds in list(profile.slowest_s.items())[:4])


def _afterwards(comparison: Comparison, suffix: str) -> Section:
    rows = tuple(
        (
            Cell(text=one.target),
            Cell(text=amount(one.seconds, "s")),
            Cell(text=amount(one.size_bytes / 1024, "KiB") if one.size_bytes else "–"),
            Cell(text="–" if one.max_abs is None else f"{one.max_abs:.1e}"),
            Cell(text="passed" if one.passed else one.reason or "failed"),
        )
        for one in comparison.exports
    )
    blocks: list[Block] = []
    if rows:
        heads = ("format", "time", "size", "largest difference", "beside the reference")
        blocks.append(Table(caption="Every format the model can leave in", heads=heads, rows=rows))
    if comparison.server_s is not None:
        text = interval_text(comparison.server_s, "s")
        blocks.append(Text(text=f"From starting `ambidex serve` to the first answer over HTTP: {text}."))
    return Section(title=f"After training{suffix}", blocks=tuple(blocks) or (Text(text="Not measured."),))


def _code(comparison: Comparison, suffix: str) -> Section:
    counts = "; ".join(f"{one.framework}: {one.lines} lines, {one.tokens} tokens" for one in comparison.sources)
    note = "Lines are those that are neither blank nor a comment; tokens are Python's own. Better versions are welcome."
    blocks: list[Block] = []
    if comparison.sources:
        text = f"Reading, preparation, network and training, as `ambidex eject --minimal` writes them. {counts}. {note}"
        blocks += [Text(text=text), SideBySide(blocks=_listings(comparison.sources))]
    if comparison.timed:
        summary = "What was timed in Defaults"
        blocks.append(Folded(summary=summary, blocks=(SideBySide(blocks=_listings(comparison.timed)),)))
    return Section(title=f"The code{suffix}", blocks=tuple(blocks))


def _listings(sources: Sequence[Source]) -> tuple[Code, ...]:
    return tuple(Code(title=f"{one.framework}, {one.lines} lines", text=one.text) for one in sources)


def _method(comparison: Comparison, suffix: str) -> Section:
    hows = {row.title: row.how for division in comparison.divisions for row in division.rows}
    warm = "; ".join(
        f"{DIVISION_NAMES[division.division]}, {comparison.titles[column]}: {amount(seconds, 's')}"
        for division in comparison.divisions
        for column, seconds in division.warm_up_s.items()
    )
    points = [
        *PRACTICE,
        f"A whole epoch before those that count is the warm-up. It took (median) {warm}." if warm else "",
    ]
    table = Table(
        caption="How each number was measured",
        heads=("row", "how"),
        rows=tuple((Cell(text=title), Cell(text=how)) for title, how in hows.items()),
    )
    blocks: list[Block] = [Bullets(items=tuple(" ".join(point.split()) for point in points if point)), table]
    if comparison.not_measured:
        blocks += [Text(text="Not measured:", strong=True), Bullets(items=comparison.not_measured)]
    return Section(title=f"How it was measured{suffix}", blocks=tuple(blocks))


def _environment(comparison: Comparison, suffix: str) -> Section:
    machine, setting = comparison.machine, comparison.setting
    about = {
        "processor": f"{machine.cpu}, {machine.cores} cores for this process",
        "vector instructions": ", ".join(machine.cpu_flags),
        "memory": f"{machine.memory_gib:g} GiB",
        "GPU": machine.gpu or "none",
        "system": machine.system,
        "Python": machine.python,
        "load before": f"{machine.load:.2f}",
        "packages": ", ".join(f"{name} {version}" for name, version in machine.versions.items()),
        **setting.data,
        **setting.plan,
        "took": amount(comparison.seconds, "s") if math.isfinite(comparison.seconds) else "",
    }
    facts = {
        f"{place}": ", ".join(f"{key} = {value}" for key, value in found.items())
        for place, found in setting.facts.items()
    }
    return Section(
        title=f"Environment and repetition{suffix}",
        blocks=(
            Text(text="One command repeats it; the raw samples then lie beside the page in `samples.jsonl`:"),
            Code(title="Command", text=setting.command, language="sh"),
            _pairs("Machine, data and plan", about),
            Folded(summary="What each process computed with, in its own words", blocks=(_pairs("Processes", facts),)),
        ),
    )


def _pairs(caption: str, pairs: dict[str, str]) -> Table:
    rows = tuple((Cell(text=key), Cell(text=value)) for key, value in pairs.items() if value)
    return Table(caption=caption, heads=("", ""), rows=rows)
