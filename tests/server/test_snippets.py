"""The page's requests in other languages: each does what the page did, whatever names and values are in it."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.server.browser import Browser, Page, browser, find
from tests.server.models import write_adult
from tests.server.running import Server, running

pytestmark = pytest.mark.skipif(find() is None and not os.environ.get("CI"), reason="Chromium is not installed")

NAME = "it's a&b?c#d% (1)"
KEY = "secret-7"
LANGUAGES = ("curl", "python", "javascript")
TRAP = 'it\'s ": null", \\ $HOME `id` : true é 🙂'
"""A text that each language quotes in its own way."""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as started:
        yield started


@pytest.fixture(scope="module", params=["open", "guarded"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A model with an odd name, with and without a key."""
    folder: Path = tmp_path_factory.mktemp(request.param)
    write_adult(folder, NAME)
    with running([folder], {"api_keys": [KEY]} if request.param == "guarded" else {}) as started:
        yield started


def open_page(chromium: Browser, server: Server) -> Page:
    """The page with the model chosen, and the key given where one is asked for."""
    page = chromium.open(f"{server.announced['url']}/#{quote(NAME)}")
    if server.get("/models").status == 401:
        page.wait("!$('keybox').hidden && document.activeElement === $('key')")
        page.wait("$('state').textContent === 'This server asks for an API key.'")
        assert page.run("$('key').checkVisibility()")
        page.run("$('key').value = 'wrong', document.querySelector('#keybox button').click()")
        page.wait("$('state').textContent === 'The server does not know this key.'")
        page.run(f"$('key').value = '{KEY}', document.querySelector('#keybox button').click()")
    page.wait("document.readyState === 'complete' && model?.name")
    return page


def run_snippet(language: str, code: str, page: Page) -> Any:
    """What the snippet answers, run as a person would."""
    code = code.replace("YOUR_KEY", KEY)
    if language == "javascript":
        return page.run(f"(async () => {{ {code.replace('console.log', 'return ')} }})()")
    command = ["bash", "-c", code + " --silent --show-error"] if language == "curl" else [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) if language == "curl" else ast.literal_eval(done.stdout)


def test_each_snippet_asks_what_the_page_asked(chromium: Browser, server: Server) -> None:
    page = open_page(chromium, server)
    age, _, workclass, member, _ = (f"$('field-{position}').value" for position in range(5))
    page.run(f"{workclass} = {json.dumps(TRAP)}, {age} = '', {member} = 'true'")
    page.run("document.querySelector('#form button').click()")
    page.wait("/answered in/.test($('answer').textContent)")
    asked = page.run("request")
    assert (asked["rows"][0]["age"], asked["rows"][0]["workclass"]) == (None, TRAP)
    answer = server.ask("POST", page.run("model.predict"), asked, {"X-API-Key": KEY}).json
    for language in LANGUAGES:
        page.run(f"document.querySelector('[data-language={language}]').click()")
        code = page.run("$('code').textContent")
        assert KEY not in code
        assert ("YOUR_KEY" in code) is (server.get("/models").status == 401)
        assert run_snippet(language, code, page) == answer, language
    # A browser itself notes the status 401; a script's error would be another line.
    assert [text for text in page.mistakes() if "401" not in text] == []
    page.close()


@pytest.mark.parametrize(
    "value",
    [
        {"rows": [{"x": [None, True, [False, 1.5, -3, 1e300]], "y": ": null, : true", "n": None}]},
        {"empty": [], "nothing": {}, "odd: null": "line\nbreak \u2028 \u0000 \\ ' \" \ud800"},
    ],
)
def test_a_value_of_json_is_written_as_python(chromium: Browser, server: Server, value: Any) -> None:
    page = open_page(chromium, server)
    written = page.run(f"JSON.stringify(python({json.dumps(value)}))")
    assert ast.literal_eval(json.loads(written)) == value
    page.close()


def test_the_list_of_routes_asks_for_the_key_too(chromium: Browser, server: Server) -> None:
    page = chromium.open(server.announced["url"] + "/docs")
    if server.get("/models").status == 401:
        page.wait("$('routes').textContent === 'This server asks for an API key.' && !$('keybox').hidden")
        page.run(f"$('key').value = '{KEY}', document.querySelector('#keybox button').click()")
    page.wait("document.querySelectorAll('details').length > 10")
    page.close()
