"""Importing the package costs next to nothing: proved by what is absent, and by a ratio, in a fresh process."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import ambidex

SOURCE = Path(ambidex.__file__).parent.parent
# Measured: 0.99 to 1.06.
IMPORT_RATIO = 1.3

FOREIGN = """
import sys
before = {{"ambidex", *sys.modules}}
{statement}
new = {{name.partition(".")[0] for name in sys.modules}} - before
print(*sorted(new - set(sys.stdlib_module_names)))
"""


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs code in a fresh interpreter that finds this ambidex first."""
    env = {**os.environ, "PYTHONPATH": str(SOURCE), **environment}
    return subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False, timeout=60
    )


def foreign_modules(statement: str) -> list[str]:
    """The top-level modules outside the standard library that a statement loads."""
    done = run(FOREIGN.format(statement=statement))
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_import_loads_only_the_standard_library() -> None:
    assert foreign_modules("import ambidex") == []


def test_the_check_notices_a_foreign_module() -> None:
    assert "msgspec" in foreign_modules("import msgspec")


def test_version_and_errors_load_only_the_standard_library() -> None:
    assert foreign_modules("import ambidex; ambidex.__version__; ambidex.errors.AmbidexError") == []


def test_a_name_is_loaded_when_it_is_used() -> None:
    loaded = "print('ambidex.errors' in sys.modules)"
    assert run(f"import sys, ambidex; {loaded}; ambidex.errors; {loaded}").stdout.split() == ["False", "True"]


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'ambidex' has no attribute 'TabularClasifier'"):
        ambidex.TabularClasifier  # noqa: B018


def test_the_public_names_are_these() -> None:
    assert ambidex.__all__ == sorted(ambidex.__all__)
    assert set(ambidex.__all__) <= set(dir(ambidex))
    assert ambidex.__all__ == [
        "Artifact",
        "Forecaster",
        "TabularClassifier",
        "TabularRegressor",
        "__version__",
        "errors",
        "exchange",
        "import_model",
        "load",
    ]


def test_every_lazy_name_exists() -> None:
    done = run("import ambidex; [getattr(ambidex, name) for name in ambidex.__all__]", EAGER_IMPORT="1")
    assert done.returncode == 0, done.stderr


def test_import_costs_little_more_than_starting_python(tmp_path: Path) -> None:
    def cost(statement: str) -> float:
        started = time.perf_counter()
        assert run(statement, PYTHONPYCACHEPREFIX=str(tmp_path), PYTHONDONTWRITEBYTECODE="").returncode == 0
        return time.perf_counter() - started

    cost("import ambidex")  # leaves the bytecode that an installed package has
    # Interleaved, so that a busy moment hits both; the smallest of each, since other work on the machine only adds.
    pairs = [(cost("pass"), cost("import ambidex")) for _ in range(25)]
    ratio = min(ours for _, ours in pairs) / min(bare for bare, _ in pairs)
    assert ratio <= IMPORT_RATIO
