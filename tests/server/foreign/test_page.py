"""The page shows a foreign model too: rows as JSON in, rows as JSON out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.server.browser import browser, find
from tests.server.foreign.models import write_obedient
from tests.server.running import running

pytestmark = pytest.mark.skipif(find() is None and not os.environ.get("CI"), reason="Chromium is not installed")


def test_a_foreign_model_is_asked_with_rows_as_json(tmp_path: Path) -> None:
    model = write_obedient(tmp_path / "obedient.pkl")
    with running([model], {"trust": True}) as server, browser() as chromium:
        page = chromium.open(server.announced["url"] + "/#obedient", width=390, height=844, is_dark=False)
        page.wait("document.readyState === 'complete' && model !== null")
        assert "X: FP64 [-1, 2]" in page.run("document.querySelector('#fields label').textContent")
        page.run("$('part-rows').value = '[{\"X\": [3, 4]}]'; document.querySelector('#form button').click()")
        page.wait("/answered in/.test($('answer').textContent)")
        assert page.run("JSON.parse(document.querySelector('#answer pre').textContent)[0].predict") == [6, 8]
        page.run("$('part-rows').value = '[{'; document.querySelector('#form button').click()")
        page.wait("document.querySelector('#answer [role=alert]') !== null")
        assert page.run("document.documentElement.scrollWidth <= innerWidth")
        assert page.mistakes() == []
        page.close()
