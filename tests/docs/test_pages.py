from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])


def test_generated_pages_say_what_the_code_says() -> None:
    done = subprocess.run(
        [sys.executable, "docs/generate.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_that_exist(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert missing == []


def test_every_error_code_is_documented() -> None:
    text = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    sources = [ROOT / "src" / "ambidex" / "errors.py", *(ROOT / "src" / "ambidex" / "server").glob("*.py")]
    codes = {code for path in sources for code in codes_of(path.read_text(encoding="utf-8"))}
    assert codes >= {"usage", "no_such_model", "overloaded"}
    assert {code for code in codes if f"`{code}`" not in text} == {"error"}  # the root class, which nobody raises


def codes_of(source: str) -> list[str]:
    return re.findall(r'^    code = "(\w+)"', source, re.MULTILINE) + re.findall(
        r'RequestError\(\s*\d{3},\s*"(\w+)"', source, re.MULTILINE
    )


def test_pictures_are_small() -> None:
    pictures = list((ROOT / "docs" / "figures").glob("*.png"))
    assert pictures
    assert all(path.stat().st_size < 200 * 1024 for path in pictures)
