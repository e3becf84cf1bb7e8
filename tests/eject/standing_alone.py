"""Runs an ejected folder as somebody without ambidex would, and compares it with the run that it came from."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

import ambidex
from ambidex.config import Experiment
from ambidex.data.table import Table
from ambidex.data.write import write_table
from ambidex.eject import eject
from ambidex.workflow.load import Artifact
from ambidex.workflow.predict import answer_columns, forecast_columns, predict_packed
from ambidex.workflow.train import train
from tests.tolerances import LOCKSTEP

PREDICTION = 1e-6
"""What the ejected program may differ by, in units of the target's deviation."""
BLOCKED = """
import runpy, sys

class Wall:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ImportError(name)

sys.meta_path.insert(0, Wall())
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def trained(experiment: Experiment, table: Table, folder: Path, *, backend: str) -> tuple[Artifact, Path]:
    """The artifact of a run in that engine, and its data as a file."""
    chosen = msgspec.structs.replace(experiment, backend=backend, editions="onnx")
    train(table, chosen, folder / "model.ambidex")
    write_table(folder / "data.csv", {name: table.column(name) for name in table.names})
    return ambidex.load(folder / "model.ambidex"), folder / "data.csv"


def run(folder: Path, *words: object) -> str:
    """Standard output of the ejected program, in a fresh process that knows no ambidex."""
    others = {"torch", "tensorflow"} - ({"torch"} if (folder / "weights.safetensors").exists() else {"tensorflow"})
    wall = BLOCKED.format(blocked={"ambidex", "msgspec", *others})
    command = [sys.executable, "-I", "-W", "error::RuntimeWarning", "-c", wall, "model.py", *map(str, words)]
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def check_predictions(artifact: Artifact, table: Table, folder: Path, data: Path) -> None:
    """The answers of the ejected program beside the artifact's."""
    run(folder, "predict", data, "-o", "answers.csv")
    with (folder / "answers.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    if artifact.task.kind == "forecast":
        wanted = forecast_columns(artifact, table)
    else:
        wanted = answer_columns(artifact.task, predict_packed(artifact, table))
    assert set(rows[0]) == set(wanted)
    units = artifact.training.reference.deviations or (1.0,)
    for name, values in wanted.items():
        found = [row[name] for row in rows]
        if values.dtype.kind == "f":
            assert np.abs(np.array(found, dtype=np.float64) - values).max() <= PREDICTION * max(*units, 1e-12, 0.0)
        elif values.dtype.kind == "M":
            assert (np.array(found, dtype="datetime64[us]") == values).all()
        else:
            assert found == [str(value) for value in values.tolist()]


def check_run(artifact: Artifact, folder: Path, *words: object) -> None:
    """The first hundred losses of the ejected run beside those of the run itself."""
    run(folder, "train", *words, "--output", _trained(folder), "--history", "history.json")
    found = np.array(json.loads((folder / "history.json").read_text())["steps"])[:100]
    wanted = np.array(artifact.training.history.steps)[:100]
    assert len(found) == len(wanted)
    np.testing.assert_allclose(found, wanted, rtol=LOCKSTEP[100])
    run(folder, "predict", words[0], "--weights", _trained(folder), "-o", "again.csv")


def _trained(folder: Path) -> str:
    return "trained.safetensors" if (folder / "weights.safetensors").exists() else "trained.weights.h5"


def ejected(artifact: Artifact, framework: str, folder: Path, *, minimal: bool = False) -> Path:
    """The folder that it was ejected to."""
    return eject(artifact, framework, folder / ("page" if minimal else "program"), minimal=minimal).path


def check_page(artifact: Artifact, table: Table, folder: Path, data: Path) -> None:
    """The short version prints the same numbers, and its outline runs."""
    outputs: dict[str, Any] = {}
    text = run(folder, data)
    assert artifact.task.targets[0].name in text
    outputs["trained"] = run(folder, data, "--train") if "--train" in (folder / "model.py").read_text() else text
    assert outputs["trained"]
