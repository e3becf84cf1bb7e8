"""Charts as SVG inside a page: drawn by matplotlib, coloured by the page, so that light, dark and print each fit."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING, Any

from ambidex.errors import BackendError
from ambidex.report.page import Bars, Lines, Series

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH_INCHES = 4.6
DPI = 72
# Colours that stand for those of the page: matplotlib writes them, and a variable takes their place.
INK, GRID = "#010203", "#040506"
PALETTE: tuple[str, ...] = ("#0a0001", "#0a0002", "#0a0003", "#0a0004", "#0a0005", "#0a0006", "#0a0007", "#0a0008")
STYLES: tuple[str, ...] = ("-", "--", "-.", ":")
MARKS: tuple[str, ...] = ("o", "s", "^", "D", "v", "P", "X", "*")


def draw_chart(chart: Lines | Bars, number: int) -> str:
    """The chart as an `<svg>` element; `number` is its own on the page. Raises `BackendError` without matplotlib."""
    with _drawing(chart) as figure:
        axes = figure.add_subplot()
        if isinstance(chart, Lines):
            _draw_lines(axes, chart)
        else:
            _draw_bars(axes, chart.series)
            axes.set_xlabel(chart.x_label)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        axes.grid(axis="both" if isinstance(chart, Lines) else "x", color=GRID, linewidth=0.6)
        axes.set_axisbelow(True)
        text = io.StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    return _for_page(text.getvalue(), chart, number)


@contextmanager
def _drawing(chart: Lines | Bars) -> Iterator[Figure]:
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError as error:
        raise BackendError("Charts need matplotlib >= 3.9: pip install 'ambidex[compare]'.") from error
    height = 3.0 if isinstance(chart, Lines) else 0.9 + 0.36 * len(chart.series)
    settings: Any = {
        "svg.fonttype": "none",  # text stays text: it takes the page's font, and can be read aloud and searched
        "svg.hashsalt": chart.title,
        "font.size": 10,
        "font.family": "DejaVu Sans",
        **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), INK),
    }
    with mpl.rc_context(settings):
        yield Figure(figsize=(WIDTH_INCHES, height), dpi=DPI, layout="constrained")


def _draw_lines(axes: Axes, chart: Lines) -> None:
    few = max((len(series.x) for series in chart.series), default=0) <= 30
    for series in chart.series:
        number = series.place
        color = PALETTE[number % len(PALETTE)]
        axes.plot(
            series.x,
            series.y,
            color=color,
            linestyle=STYLES[number % len(STYLES)],
            marker=MARKS[number % len(MARKS)] if few else "",
            markersize=4,
            label=series.name,
        )
        if series.low:
            axes.fill_between(series.x, series.low, series.high, color=color, alpha=0.15, linewidth=0)
    if chart.is_log_x:
        axes.set_xscale("log")
    axes.set_xlabel(chart.x_label)
    axes.set_ylabel(chart.y_label)
    axes.legend(frameon=False, fontsize=9)


def _draw_bars(axes: Axes, bars: Sequence[Series]) -> None:
    for number, series in enumerate(bars):
        middle = series.y[0]
        axes.barh(number, middle, color=PALETTE[series.place % len(PALETTE)], height=0.6)
        if series.low:
            bounds = [[max(middle - series.low[0], 0.0)], [max(series.high[0] - middle, 0.0)]]
            axes.errorbar(middle, number, xerr=bounds, color=INK, capsize=3, linewidth=1.2)
    axes.set_yticks(range(len(bars)), [series.name for series in bars])
    axes.invert_yaxis()
    axes.set_xlim(left=0)


def _for_page(svg: str, chart: Lines | Bars, number: int) -> str:
    """The element alone, with names of its own, colours of the page, and a title for who cannot see it."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\bid="([^"]+)"', rf'id="c{number}-\1"', svg)
    svg = re.sub(r'(href="#|url\(#)', rf"\g<1>c{number}-", svg)
    for place, color in enumerate(PALETTE):
        svg = svg.replace(color, f"var(--series-{place})")
    svg = svg.replace(INK, "var(--ink)").replace(GRID, "var(--grid)")
    svg = re.sub(r"font-family: '[^']*'", "font-family: var(--font)", svg)
    head = f'<svg role="img" aria-label="{escape(chart.title)}. {escape(chart.text)}" class="chart"'
    return re.sub(r"^<svg", head, svg, count=1)
