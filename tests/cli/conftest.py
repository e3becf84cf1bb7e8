"""Commands run in this process, on real data that the project carries."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ambidex.cli.main import main

DATA = Path(__file__).parents[2] / "examples" / "data"


@dataclass(frozen=True)
class Outcome:
    """What a command left: its status, standard output and standard error."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as the one JSON object that it must be."""
        return json.loads(self.out)


Command = Callable[..., Outcome]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Command:
    """Runs `ambidex` with these words."""

    def call(*words: object) -> Outcome:
        capfd.readouterr()
        try:
            status = main([str(word) for word in words])
        except SystemExit as leave:
            status = int(leave.code or 0)
        captured = capfd.readouterr()
        return Outcome(status, captured.out, captured.err)

    return call


def adult_rows(count: int) -> list[dict[str, str]]:
    """The first rows of the adult table."""
    with gzip.open(DATA / "adult.csv.gz", "rt", newline="") as file:
        return [row for row, _ in zip(csv.DictReader(file), range(count), strict=False)]


def write_csv(path: Path, rows: list[dict[str, str]]) -> Path:
    """Rows as a CSV file."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture(scope="session")
def forecaster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A solved model of weekly CO2, 8 weeks ahead: no engine is needed to make it."""
    path = tmp_path_factory.mktemp("models") / "co2.ambidex"
    words = ["--target", "co2", "--time", "date", "--horizon", "8", "--window", "60", "--quiet"]
    words += ["--set", "editions=onnx", "-o", str(path)]
    assert main(["train", str(DATA / "co2_weekly_missing.csv"), *words]) == 0
    return path
