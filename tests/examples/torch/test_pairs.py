"""The ejected examples run by themselves."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[3] / "examples"
PROGRAMS = [
    ("simple_forecast/simple_pytorch_example.py", "seattle_weather_daily.csv"),
    ("complete_forecast/timeseries_pytorch.py", "seattle_weather_daily.csv"),
    ("tabular_ann/tabular_ann_pytorch.py", "adult.csv.gz"),
]

TRAINED = "trained.safetensors"

pytestmark = pytest.mark.torch


@pytest.mark.parametrize(("program", "data"), PROGRAMS)
def test_runs_by_itself(program: str, data: str, tmp_path: Path) -> None:
    path = EXAMPLES / "data" / data
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
        (tmp_path / "data.csv").write_text("".join(file.readlines()[:601]))
    words = ["data.csv", "--train"] if "simple" in program else ["train", "data.csv", "--epochs", "1"]
    assert run(program, *words, cwd=tmp_path)
    if "tabular" in program:
        assert "income" in run(program, "predict", "data.csv", "--weights", TRAINED, cwd=tmp_path)


def run(program: str, *words: str, cwd: Path) -> str:
    """Standard output of a program in a fresh process without this project."""
    command = [sys.executable, "-I", str(EXAMPLES / program), *words]
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout
