from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from ambidex.report.html import anchor, marked_up, to_html
from ambidex.report.page import (
    Bars,
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

LINES = Lines(
    title="Loss <b>",
    x_label="epoch",
    y_label="loss",
    series=(Series(name="one & two", x=(0, 1), y=(2, 1), low=(1.9, 0.9), high=(2.1, 1.1)),),
    text='falls "fast"',
)
BARS = Bars(
    title="Time", x_label="seconds", series=(Series(name="one", y=(1,), low=(0.5,), high=(2,)),), text="one 1 s"
)
PAGE = Page(
    title="A <page>",
    lead="Lead & more",
    sections=(
        Section(
            title="First & second",
            blocks=(
                Text(text="a < b and `code`"),
                Bullets(items=("one", "<two>")),
                Table(
                    caption="Table",
                    heads=("", "A|B"),
                    rows=((Cell(text="row"), Cell(text="1 s", detail="0 – 2 s", verdict="× 2", mark="more")),),
                ),
                SideBySide(blocks=(LINES, BARS)),
                Folded(summary="More", blocks=(Code(title="Code", text="if a < b:\n    pass"),)),
            ),
        ),
    ),
)


@pytest.fixture(scope="module")
def html() -> str:
    return to_html(PAGE)


class Balance(HTMLParser):
    """Which elements are open, and the ids that were met."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag not in {"meta", "link", "br"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [value for name, value in attrs if name == "id" and value]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_every_element_is_closed_and_every_id_its_own(html: str) -> None:
    balance = Balance()
    balance.feed(html)
    assert balance.open == []
    assert len(balance.ids) == len(set(balance.ids))


def test_a_caption_does_not_scroll_with_its_table(html: str) -> None:
    assert '<p class="caption">Table</p><div class="wide"' in html


def test_words_wrap_and_figures_do_not() -> None:
    row = (Cell(text="row"), Cell(text="1 s", detail="0 – 2 s"), Cell(text="torch 372 MiB, sympy 51 MiB, numpy 16 MiB"))
    table = Table(caption="Table", heads=("", "a", "b"), rows=(row,))
    found = to_html(Page(title="x", lead="y", sections=(Section(title="z", blocks=(table,)),)))
    assert "<td><strong>1 s" in found
    assert '<td class="words"><strong>torch' in found


def test_texts_are_escaped(html: str) -> None:
    assert "<page>" not in html
    assert "&lt;two&gt;" in html
    assert "if a &lt; b:" in html


def test_nothing_is_asked_of_a_network(html: str) -> None:
    assert "<script" not in html
    addresses = re.findall(r'(?:src|href)="([^"]*)"', html)
    assert [address for address in addresses if not address.startswith(("#", "data:"))] == []
    assert "@import" not in html
    assert re.findall(r"url\((?!#)", html) == []


def test_charts_take_their_colours_from_the_page(html: str) -> None:
    charts = html[html.index("<svg") :]
    assert "var(--series-0)" in charts
    assert "var(--ink)" in charts
    assert re.findall(r"#[0-9a-fA-F]{6}\b", charts) == []


def test_charts_say_what_they_show(html: str) -> None:
    assert 'role="img" aria-label="Loss &lt;b&gt;. falls &quot;fast&quot;"' in html


def test_a_page_is_the_same_every_time() -> None:
    assert to_html(PAGE) == to_html(PAGE)


def test_a_heading_is_an_address(html: str) -> None:
    assert anchor("First & second") == "first-second"
    assert '<a href="#first-second">' in html


def test_headings_that_read_alike_have_addresses_of_their_own() -> None:
    sections = tuple(Section(title=title, blocks=(Text(text="x"),)) for title in ("A b", "A, b", "A b"))
    html = to_html(Page(title="x", lead="y", sections=sections))
    for name in ("a-b", "a-b-2", "a-b-3"):
        assert html.count(f'id="{name}"') == html.count(f'href="#{name}"') == 1


def test_backticks_are_code() -> None:
    assert marked_up("run `a < b` now") == "run <code>a &lt; b</code> now"
