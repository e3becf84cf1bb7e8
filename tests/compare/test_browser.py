"""The report in a real Chromium: three widths, light and dark, and printed."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator

import pytest

from ambidex.compare.page import make_page
from ambidex.report.html import to_html
from tests.compare.samples import make_comparison
from tests.server.browser import Browser, browser, find

pytestmark = pytest.mark.skipif(find() is None and not os.environ.get("CI"), reason="Chromium is not installed")

STICKS_OUT = """[...document.querySelectorAll('body *')].filter(one => {
    const box = one.getBoundingClientRect(), inside = one.closest('.wide, pre');
    return box.width > 0 && box.right > innerWidth + 1 && !inside;
}).map(one => one.outerHTML.slice(0, 80))"""
SMALLEST_TEXT = """Math.min(...[...document.querySelectorAll('svg text')]
    .filter(one => one.textContent.trim()).map(one => one.getBoundingClientRect().height))"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as started:
        yield started


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(
        to_html(make_page([make_comparison(runs=3), make_comparison(name="server", runs=3)])), encoding="utf-8"
    )
    return path.as_uri()


@pytest.mark.parametrize("is_dark", [False, True])
@pytest.mark.parametrize("width", [360, 820, 1440])
def test_the_report_fits_and_complains_about_nothing(
    chromium: Browser, address: str, width: int, is_dark: bool
) -> None:
    page = chromium.open(address, width=width, height=900, is_dark=is_dark)
    page.wait("document.readyState === 'complete'")
    assert page.run("document.documentElement.scrollWidth <= innerWidth")
    assert page.run(STICKS_OUT) == []
    assert page.run("document.querySelectorAll('svg').length") >= 10
    assert page.run(SMALLEST_TEXT) >= 8  # pixels, of a line of text in a chart
    ground = page.run("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
    ink = page.run("getComputedStyle(document.querySelector('svg text')).fill.match(/\\d+/g).map(Number)")
    assert (max(ground) < 60) is is_dark
    assert abs(sum(ink) - sum(ground)) > 450  # of 765: charts are written in the page's own ink
    assert page.mistakes() == []
    assert [url for url in page.addresses() if not url.startswith(("file:", "data:"))] == []
    page.close()


def test_tables_scroll_by_keyboard_and_links_lead_somewhere(chromium: Browser, address: str) -> None:
    page = chromium.open(address, width=360, height=800)
    page.wait("document.readyState === 'complete'")
    assert page.run("[...document.querySelectorAll('.wide')].every(one => one.tabIndex === 0 && one.ariaLabel)")
    assert page.run(
        "[...document.querySelectorAll('a')].every(one => document.querySelector(one.getAttribute('href')))"
    )
    assert page.run("document.querySelectorAll('table th[scope]').length > 50")
    page.close()


def test_the_report_prints(chromium: Browser, address: str) -> None:
    page = chromium.open(address, width=720, height=1000, is_dark=True)
    page.wait("document.readyState === 'complete'")
    printed = base64.b64decode(page.call("Page.printToPDF", printBackground=True)["data"])
    assert printed.startswith(b"%PDF")
    assert printed.count(b"/Type /Page\n") > 3
    page.call("Emulation.setEmulatedMedia", media="print")
    assert page.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.run("[...document.querySelectorAll('table')].every(one => one.scrollWidth <= innerWidth)")
    assert page.run("document.querySelectorAll('details:not([open])').length") == 2
    shown = "one.querySelector('table').checkVisibility({contentVisibilityAuto: true})"
    assert page.run(f"[...document.querySelectorAll('details')].every(one => {shown})")
    page.close()


def test_captions_and_words_fit(chromium: Browser, address: str) -> None:
    page = chromium.open(address, width=390, height=800)
    page.wait("document.readyState === 'complete'")
    captions = "[...document.querySelectorAll('.caption')]"
    assert page.run(f"{captions}.length") == page.run("document.querySelectorAll('table').length")
    assert page.run(f"{captions}.every(one => one.getBoundingClientRect().right <= innerWidth)")
    page.close()
    page = chromium.open(address, width=1280, height=800)
    page.wait("document.readyState === 'complete'")
    wide = "[...document.querySelectorAll('.wide')].filter(one => one.querySelector('.words'))"
    assert page.run(f"{wide}.length") >= 4
    assert page.run(f"{wide}.every(one => one.scrollWidth <= one.clientWidth)")
    page.close()
