"""The runner counts honestly, and the rules about engines hold: tried on small suites in a fresh process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.run import Counts, count, environment, main

ROOT = Path(__file__).parent.parent

MARKED = "import pytest\npytestmark = pytest.mark.{engine}\ndef test_it(): ...\n"
NOTHING_INSTALLED = "import tests.engines\ntests.engines.is_installed = lambda engine: False\n"


def report(folder: Path, *, tests: int, failures: int = 0, errors: int = 0, skipped: int = 0) -> Path:
    """A report as pytest writes it."""
    path = folder / "report.xml"
    path.write_text(
        f'<testsuites><testsuite tests="{tests}" failures="{failures}" errors="{errors}" skipped="{skipped}"/>'
        "</testsuites>"
    )
    return path


def test_passed_failed_and_skipped_are_counted(tmp_path: Path) -> None:
    path = report(tmp_path, tests=9, failures=2, errors=1, skipped=3)
    assert count(path, 1) == Counts(passed=3, failed=3, skipped=3)


def test_an_empty_group_passes_nothing(tmp_path: Path) -> None:
    assert count(report(tmp_path, tests=0), 5) == Counts()


def test_a_process_that_died_is_a_failure(tmp_path: Path) -> None:
    assert count(tmp_path / "absent.xml", -11) == Counts(failed=1)


@pytest.mark.parametrize("status", [1, 2, 3, 4, -9])
def test_a_bad_status_is_a_failure_even_if_every_test_passed(tmp_path: Path, status: int) -> None:
    assert count(report(tmp_path, tests=4), status) == Counts(passed=4, failed=1)


def test_keras_learns_its_engine_from_the_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    assert environment("jax")["KERAS_BACKEND"] == "jax"
    assert environment("tensorflow")["KERAS_BACKEND"] == "tensorflow"
    assert "KERAS_BACKEND" not in environment("torch")


def test_an_unknown_group_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mxnet"]) == 2
    assert capsys.readouterr().err == "Expected groups among free, torch, tensorflow, jax, both, got mxnet.\n"


def run_suite(folder: Path, *arguments: str, plugins: tuple[str, ...] = (), ci: str = "") -> tuple[int, str]:
    """Runs the suite in a folder under the rules of our conftest; gives pytest's status and its last lines."""
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = torch\n  tensorflow\n  jax\n  both\n")
    loaded = [word for plugin in (*plugins, "tests.conftest") for word in ("-p", plugin)]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", *loaded, *arguments, str(folder)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(folder)]), "CI": ci},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr


def write_suite(folder: Path, **sources: str) -> None:
    for name, source in sources.items():
        (folder / f"{name}.py").write_text(source)


def test_a_process_reads_only_the_modules_of_its_engine(tmp_path: Path) -> None:
    write_suite(tmp_path, test_a=MARKED.format(engine="jax"), test_b="pytestmark = pytest.mark.torch\n1 / 0")
    status, output = run_suite(tmp_path, "-m", "jax")
    assert status == 0
    assert "1 passed" in output


def test_a_process_of_unmarked_tests_reads_no_module_of_an_engine(tmp_path: Path) -> None:
    write_suite(tmp_path, test_a="def test_it(): ...", test_b="pytestmark = pytest.mark.torch\n1 / 0")
    status, output = run_suite(tmp_path, "-m", "not torch and not tensorflow and not jax and not both")
    assert status == 0
    assert "1 passed" in output


def test_two_engines_in_one_process_are_refused(tmp_path: Path) -> None:
    write_suite(tmp_path, test_a=MARKED.format(engine="torch"), test_b=MARKED.format(engine="tensorflow"))
    status, output = run_suite(tmp_path)
    assert status != 0
    assert "Expected test modules of one engine, got test_a.py (torch) and test_b.py (tensorflow)." in output


@pytest.mark.parametrize(("ci", "status", "outcome"), [("", 5, "1 skipped"), ("true", 2, "1 error")])
def test_a_missing_engine_skips_locally_and_fails_in_ci(tmp_path: Path, ci: str, status: int, outcome: str) -> None:
    write_suite(tmp_path, nothing=NOTHING_INSTALLED, test_a="import torch_is_missing\n" + MARKED.format(engine="torch"))
    got, output = run_suite(tmp_path, "-m", "torch", plugins=("nothing",), ci=ci)
    assert "needs torch, which is not installed" in output
    assert (got, outcome in output) == (status, True)


@pytest.mark.parametrize(("ci", "outcome"), [("", "1 skipped"), ("true", "1 failed")])
def test_a_single_test_of_a_missing_engine_skips_locally_and_fails_in_ci(tmp_path: Path, ci: str, outcome: str) -> None:
    source = "import pytest\n@pytest.mark.jax\ndef test_it(): import jax_is_missing\n"
    write_suite(tmp_path, nothing=NOTHING_INSTALLED, test_a=source)
    assert outcome in run_suite(tmp_path, "-m", "jax", plugins=("nothing",), ci=ci)[1]
