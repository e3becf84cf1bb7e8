"""The page at `/` in a real Chromium: it renders, asks, answers, and complains about nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from ambidex.server.drift import ENOUGH
from tests.server.browser import Browser, Page, browser, find
from tests.server.models import write_watched
from tests.server.running import Server, running

pytestmark = pytest.mark.skipif(find() is None and not os.environ.get("CI"), reason="Chromium is not installed")

SIZES = [(390, 844, False), (390, 844, True), (1280, 900, False), (1280, 900, True)]
Open = Callable[..., Page]


# Before the page's script has run, `model` is the element of that name.
IS_READY = "document.readyState === 'complete' && model !== null"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as started:
        yield started


@pytest.fixture
def visit(chromium: Browser, server: Server) -> Iterator[Open]:
    """Opens the page with a model chosen; afterwards looks whether it complained or asked anybody else."""
    pages: list[Page] = []
    home = server.announced["url"] + "/"

    def open_page(model: str, width: int = 1280, height: int = 900, is_dark: bool = False) -> Page:
        page = chromium.open(f"{home}#{model}", width=width, height=height, is_dark=is_dark)
        pages.append(page)
        page.wait(IS_READY)
        assert page.run("model.name") == model
        return page

    yield open_page
    for page in pages:
        assert page.mistakes() == []
        assert [url for url in page.addresses() if not url.startswith((home, "data:", "about:"))] == []
        page.close()


def submit(page: Page) -> None:
    page.run("document.querySelector('#form button').click()")
    page.wait("/answered in/.test($('answer').textContent)")


def fits(page: Page) -> bool:
    """Nothing sticks out at the side."""
    return bool(page.run("document.documentElement.scrollWidth <= innerWidth"))


@pytest.mark.parametrize(("width", "height", "is_dark"), SIZES)
def test_a_table_model_is_asked_through_its_form(visit: Open, width: int, height: int, is_dark: bool) -> None:
    page = visit("adult", width, height, is_dark)
    labels = page.run("[...document.querySelectorAll('#fields label')].map(one => one.textContent)")
    assert labels == ["age", "hours-per-week", "workclass", "member", "since"]
    submit(page)
    assert page.run("document.querySelector('.answer').textContent") in {">50K", "<=50K"}
    shares = page.run("[...document.querySelectorAll('.bars .num')].map(one => parseFloat(one.textContent))")
    assert sum(shares) == pytest.approx(100, abs=0.2)
    assert fits(page)
    ground = page.run("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
    assert (max(ground) < 60) is is_dark


@pytest.mark.parametrize(("width", "height", "is_dark"), SIZES)
def test_a_forecast_is_drawn(visit: Open, width: int, height: int, is_dark: bool) -> None:
    page = visit("oil", width, height, is_dark)
    submit(page)
    points = page.run(
        "[...document.querySelectorAll('svg polyline, svg polygon')].map(one => one.getAttribute('points'))"
    )
    assert len(points) == 3  # the interval, the history, the forecast
    assert all(text and "NaN" not in text for text in points)
    assert page.run("document.querySelectorAll('#answer tr').length") == 4  # a head and the horizon's three steps
    assert fits(page)


def test_known_future_and_static_columns_have_fields(visit: Open) -> None:
    page = visit("stores")
    assert page.run("[...document.querySelectorAll('#fields textarea')].map(one => one.id)") == [
        "part-history",
        "part-future",
        "part-static",
    ]
    submit(page)
    assert "Nothing to draw" in page.run("$('answer').textContent")  # the example's values are missing
    page.run("$('part-history').value = 'sold,holiday\\n5,no\\n6,no', $('part-static').value = 'size\\n2'")
    page.run("$('part-future').value = 'holiday\\nyes\\nno', document.querySelector('#form button').click()")
    page.wait("document.querySelectorAll('#answer svg').length === 1")
    assert page.run("[...document.querySelectorAll('#answer td')].map(one => one.textContent)") == ["18", "8"]


def test_another_address_chooses_another_model(visit: Open) -> None:
    page = visit("houses")
    page.run("location.hash = 'adult'")
    page.wait("model.name === 'adult' && $('model').value === 'adult'")


def test_the_form_works_by_keyboard(visit: Open) -> None:
    page = visit("houses")
    page.run("$('field-0').focus(), $('field-0').select()")
    page.call("Input.insertText", text="21")
    page.press("Enter", 13)
    page.wait("document.querySelector('.answer')?.textContent === '42'")


def test_a_wrong_value_is_marked_and_explained(chromium: Browser, server: Server) -> None:
    page = chromium.open(server.announced["url"] + "/#houses")
    page.wait(IS_READY)
    page.run("$('field-0').value = 'many', document.querySelector('#form button').click()")
    page.wait("document.querySelector('[role=alert]')?.textContent.startsWith('Expected')")
    assert page.run("$('field-0').getAttribute('aria-invalid')") == "true"
    assert page.run("document.activeElement.id") == "field-0"
    # The browser itself notes the status 422; a script's error would be another line.
    assert [text for text in page.mistakes() if "422" not in text] == []
    page.close()


def test_pasted_rows_get_predictions(visit: Open) -> None:
    page = visit("houses")
    page.run("$('csv').value = 'id,rooms\\na,1\\n\"b,c\",2\\n', $('run').click()")
    page.wait("$('rowsnote').textContent === '2 rows'")
    cells = page.run("[...document.querySelectorAll('#rows td')].map(one => one.textContent)")
    assert cells == ["a", "1", "2", "b,c", "2", "4"]


@pytest.mark.parametrize("language", ["curl", "python", "javascript"])
def test_the_request_is_shown_in_each_language(visit: Open, language: str) -> None:
    page = visit("houses")
    page.run(f"document.querySelector('[data-language={language}]').click()")
    shown = page.run("$('code').textContent")
    assert "/models/houses/predict" in shown
    assert '"rooms"' in shown


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A model that knows what it was trained on, and saw other rows since."""
    folder = tmp_path_factory.mktemp("watched")
    write_watched(folder)
    with running([folder], {"processes": 2}) as server:
        rows = [{"age": 20, "hours-per-week": 1, "workclass": "Private", "member": False, "since": None}] * 20
        while server.get("/models/adult/drift").json["rows"] < ENOUGH:
            assert server.post("/models/adult/predict", {"rows": rows}).status == 200
        yield server


@pytest.mark.parametrize(("width", "height", "is_dark"), SIZES)
def test_drift_is_a_table_with_a_verdict_per_column(
    chromium: Browser, watched: Server, width: int, height: int, is_dark: bool
) -> None:
    page = chromium.open(watched.announced["url"], width=width, height=height, is_dark=is_dark)
    page.wait("document.querySelectorAll('#drift tr').length > 1")
    cells = "[...document.querySelectorAll('#drift tr')].map(row => [...row.cells].map(cell => cell.innerText.trim()))"
    rows = page.run(cells)
    assert rows[0] == ["column", "state", "index", "spread", "part"]
    assert [(row[0], row[4], row[1]) for row in rows[1:]] == [
        ("income", "answer", "stable"),
        ("age", "input", "shifted"),
        ("workclass", "input", "shifted"),
    ]
    label = page.run("document.querySelectorAll('#drift svg')[1].getAttribute('aria-label')")
    assert label.startswith("up to 30: 30 percent in training, 100 live;")
    assert page.run("document.querySelectorAll('#drift rect').length") == 2 * (4 + 4 + 4)
    assert fits(page)
    # The sum over both processes.
    page.wait("/predict/.test($('live').textContent)")
    counts = page.run("[...document.querySelectorAll('#live .num')].map(one => Number(one.textContent))")
    assert max(count for count in counts if count is not None) >= ENOUGH / 20
    assert page.mistakes() == []
    page.close()


def test_a_model_without_a_reference_says_that_it_has_none(visit: Open) -> None:
    page = visit("houses")
    page.wait("/Train it again/.test($('drift').textContent)")
