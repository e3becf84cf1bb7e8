"""Runs every test, one process per engine, and ends with one plain line: `N passed, N failed`.

    python tests/run.py                    all groups
    python tests/run.py torch jax          these groups
    python tests/run.py free -- -k graph   arguments after -- go to pytest

The tests that need no engine share two processes; those of PyTorch, of TensorFlow and of JAX get a process each, one
after the other, because the engines cannot share one (see conftest.py) and each of them uses all the cores anyway.
`both` is the exchange between a user's own PyTorch and Keras networks, which share a process because theirs do.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
ENGINES = ("torch", "tensorflow", "jax", "both")
GROUPS = ("free", *ENGINES)
# A group that hangs must not hang the whole run; the slowest takes a fraction of this on two cores.
TIMEOUT_S = 1200
# pytest's exit statuses
ALL_PASSED, NONE_COLLECTED = 0, 5


@dataclass(frozen=True, kw_only=True)
class Counts:
    """What became of the tests of one group."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0


def main(arguments: list[str]) -> int:
    """Runs the groups named before `--` (all, if none is) and returns the exit status."""
    cut = arguments.index("--") if "--" in arguments else len(arguments)
    groups, passed_on = arguments[:cut] or list(GROUPS), arguments[cut + 1 :]
    if unknown := sorted(set(groups) - set(GROUPS)):
        print(f"Expected groups among {', '.join(GROUPS)}, got {', '.join(unknown)}.", file=sys.stderr)
        return 2
    results = {group: run_group(group, passed_on) for group in groups}
    print(
        "\n"
        + "\n".join(
            f"{group:<12}{c.passed:>6} passed{c.failed:>6} failed{c.skipped:>6} skipped" for group, c in results.items()
        )
    )
    failed = sum(counts.failed for counts in results.values())
    print(f"{sum(counts.passed for counts in results.values())} passed, {failed} failed", flush=True)
    return 1 if failed else 0


def run_group(group: str, passed_on: list[str]) -> Counts:
    """Runs one group in its own process, showing its output as it comes."""
    print(f"\n=== {group}: {describe(group)}", flush=True)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", *selection(group), f"--junitxml={report}", *passed_on]
        try:
            status = subprocess.run(
                command, cwd=ROOT, env=environment(group), stdin=subprocess.DEVNULL, timeout=TIMEOUT_S, check=False
            ).returncode
        except subprocess.TimeoutExpired:
            print(f"{group}: no end after {TIMEOUT_S} s, stopped", flush=True)
            return Counts(failed=1)
        print(f"--- {group}: {time.monotonic() - started:.0f} s", flush=True)
        return count(report, status)


def describe(group: str) -> str:
    """One line on what a group holds."""
    return "tests that need no engine" if group == "free" else f"tests marked {group}"


def selection(group: str) -> list[str]:
    """The pytest arguments that choose a group."""
    if group == "free":
        return ["-n", "2", "-m", " and ".join(f"not {engine}" for engine in ENGINES)]
    return ["-m", group]


def environment(group: str) -> dict[str, str]:
    """The environment of a group's process: Keras learns its engine from it."""
    env = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    engine = "tensorflow" if group == "both" else group
    return env | ({"KERAS_BACKEND": engine} if engine in {"tensorflow", "jax"} else {})


def count(report: Path, status: int) -> Counts:
    """The counts of a group from pytest's report; a process that died without one counts as a failure."""
    if not report.exists():
        return Counts(failed=0 if status == NONE_COLLECTED else 1)
    suites = ElementTree.parse(report).getroot().iter("testsuite")
    totals = [[int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped")] for suite in suites]
    tests, failures, errors, skipped = (sum(column) for column in zip(*totals, strict=True))
    # A test that fails and then fails again in its teardown is one test and two failures.
    failed = failures + errors
    if status not in {ALL_PASSED, NONE_COLLECTED}:
        failed = max(failed, 1)
    return Counts(passed=max(tests - failures - errors - skipped, 0), failed=failed, skipped=skipped)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
