"""The rules that keep engines apart hold for every file of the suite."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engines import engine_imports, engines_of

FILES = sorted(Path(__file__).parent.rglob("*.py"))


def test_every_module_that_imports_an_engine_is_marked_with_one() -> None:
    unmarked = {path.name: engine_imports(path) for path in FILES if engine_imports(path) and not engines_of(path)}
    assert unmarked == {}, "give these a module-level pytestmark"


def test_no_conftest_imports_an_engine() -> None:
    # Every process reads every conftest.
    assert [path for path in FILES if path.name == "conftest.py" and engine_imports(path)] == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import torch.nn as nn", {"torch.nn"}),
        ("from ambidex.backends import torch", {"ambidex.backends.torch"}),
        ("keras = pytest.importorskip('keras')", {"keras"}),
        ("import torchvision", set()),
        ("def f():\n    import torch", set()),
    ],
)
def test_engine_imports_are_found_by_reading(tmp_path: Path, source: str, expected: set[str]) -> None:
    path = tmp_path / "module.py"
    path.write_text(source)
    assert engine_imports(path) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("pytestmark = pytest.mark.torch", {"torch"}),
        ("pytestmark = [pytest.mark.tensorflow, pytest.mark.jax, pytest.mark.slow]", {"tensorflow", "jax"}),
        ("@pytest.mark.torch\ndef test(): ...", set()),
    ],
)
def test_marks_are_found_by_reading(tmp_path: Path, source: str, expected: set[str]) -> None:
    path = tmp_path / "module.py"
    path.write_text(source)
    assert engines_of(path) == expected
