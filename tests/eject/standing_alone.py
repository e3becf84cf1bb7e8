"""Runs ejected programs and compares them with the run that they came from."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import numpy as np
from tests.tolerances import LOCKSTEP

import ambidex
from ambidex.config import Experiment
from ambidex.data.table import Table
from ambidex.data.write import write_table
from ambidex.eject import eject
from ambidex.workflow.load import Artifact
from ambidex.workflow.predict import answer_columns, forecast_columns, predict_packed
from ambidex.workflow.train import train

PREDICTION = 1e-6
"""What an ejected program may differ by, in units of the target's deviation or of the value, if that is larger."""
WALL = """
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


def ejected(artifact: Artifact, framework: str, folder: Path, *, minimal: bool = False) -> Path:
    """The folder that it was ejected to."""
    return eject(artifact, framework, folder / f"{framework}-{minimal}", minimal=minimal).path


def load(folder: Path) -> ModuleType:
    """The program as a module of this process: an engine is imported once for many of them."""
    spec = importlib.util.spec_from_file_location(folder.name.replace("-", "_"), folder / "model.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_alone(folder: Path, *words: object) -> str:
    """Standard output of the program in a fresh process in which ambidex cannot be imported."""
    wall = WALL.format(blocked={"ambidex", "msgspec", "onnx", "onnxruntime"})
    command = [sys.executable, "-I", "-c", wall, str(folder / "model.py"), *map(str, words)]
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def check_predictions(artifact: Artifact, table: Table, program: ModuleType, data: Path) -> None:
    """The answers of a complete program beside the artifact's."""
    model = program.load_model()
    if artifact.task.kind == "forecast":
        series = program.read_series(data)
        found = program.answer_columns(series, program.forecast(series, model))
    else:
        found = program.answer_columns(program.predict(program.read_table(data), model))
    compare(artifact, wanted_columns(artifact, table), found)


def wanted_columns(artifact: Artifact, table: Table) -> dict[str, Any]:
    """What the artifact answers, column by column."""
    if artifact.task.kind == "forecast":
        return forecast_columns(artifact, table)
    return answer_columns(artifact.task, predict_packed(artifact, table))


def compare(artifact: Artifact, wanted: dict[str, Any], found: dict[str, Any]) -> None:
    """Numbers within the bound in units of the target; texts and times exactly."""
    assert list(found) == list(wanted)
    unit = max(artifact.training.reference.deviations or (1.0,))
    for name, values in wanted.items():
        if values.dtype.kind == "f":
            numbers = np.array(found[name], dtype=np.float64)
            np.testing.assert_allclose(numbers, values, rtol=PREDICTION, atol=PREDICTION * unit, err_msg=name)
        else:
            assert (np.array(found[name]).astype(values.dtype) == values).all(), name


def check_page(artifact: Artifact, table: Table, page: ModuleType, model: Any, data: Path) -> None:
    """The answers of the short version beside the artifact's."""
    answers = page.predict(model, page.read(str(data)))
    wanted = wanted_columns(artifact, table)
    unit = max(artifact.training.reference.deviations or (1.0,))
    for target in artifact.task.targets:
        found, values = answers[target.name].ravel(), wanted[target.name]
        if values.dtype.kind == "f":
            np.testing.assert_allclose(found, values, rtol=PREDICTION, atol=PREDICTION * unit)
        else:
            assert (found == values).all()


def check_losses(artifact: Artifact, steps: list[float]) -> None:
    """The first hundred losses of an ejected run beside those of the run itself."""
    wanted = artifact.training.history.steps
    assert len(steps) == len(wanted)
    np.testing.assert_allclose(steps[:100], wanted[:100], rtol=LOCKSTEP[100])
