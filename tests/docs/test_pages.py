from __future__ import annotations

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from ambidex.cli.serve import LIMITS
from ambidex.server.router import PROTOCOLS

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
    package = ROOT / "src" / "ambidex"
    sources = [package / "errors.py", *(package / "server").glob("*.py"), *(package / "runtime").glob("*.py")]
    codes = {code for path in sources for code in codes_of(path.read_text(encoding="utf-8"))}
    assert codes >= {"usage", "no_such_model", "overloaded"}
    assert {code for code in codes if f"`{code}`" not in text} == {"error"}  # the root class, which nobody raises


def codes_of(source: str) -> list[str]:
    forms = (r'^    code = "(\w+)"', r'RequestError\(\s*\d{3},\s*"(\w+)"', r'refusal\(\s*"(\w+)"')
    return [code for form in forms for code in re.findall(form, source, re.MULTILINE)]


def test_every_route_metric_and_limit_of_the_server_is_documented() -> None:
    text = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
    modules = [import_module(name) for name in sorted(set(PROTOCOLS.values()))]
    routes = {f"`{method} {pattern}`" for module in modules for method, pattern, _ in module.ROUTES}
    assert len(routes) > 20
    assert {route for route in routes if route not in text} == set()
    assert set(re.findall(r"`((?:GET|POST) /[^`]*)`", text)) == {route.strip("`") for route in routes}
    shown = set(re.findall(r"`(ambidex_\w+)", text))
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "src" / "ambidex" / "server").glob("*.py")]
    assert shown == {name for source in sources for name in re.findall(r'"(ambidex_[a-z_]+)"', source)}
    assert {flag for flag, _, _ in LIMITS.values() if f"`{flag}`" not in text} == set()


def test_pictures_are_small() -> None:
    pictures = list((ROOT / "docs" / "figures").glob("*.png"))
    assert pictures
    assert all(path.stat().st_size < 200 * 1024 for path in pictures)
