"""A run begun in one engine, continued in another and finished in the first walks the curve of an undisturbed one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.engines import is_installed
from tests.tolerances import LOCKSTEP

import ambidex
from ambidex.workflow.load import Artifact, load

pytestmark = pytest.mark.skipif(
    not (is_installed("torch") and is_installed("tensorflow")), reason="needs torch and tensorflow"
)

EPOCHS, STEPS, BATCH = 6, 16, 32
LEG = """
import json, sys
from pathlib import Path
from ambidex.config import Given, resolve
from ambidex.data.read import read_table
from ambidex.errors import StoppedError
from ambidex.training.loop import Silent
from ambidex.workflow.train import Session, train

class Until(Silent):
    epoch = 0
    def on_epoch(self, record, best):
        self.epoch = record.epoch

data, output, values, stop, is_resuming = json.loads(sys.argv[1])
until = Until()
session = Session(
    watcher=until, must_stop=lambda: 0 < stop <= until.epoch, say=print, is_resuming=is_resuming
)
try:
    train(read_table(data), resolve(Given(values=values)), Path(output), session=session)
except StoppedError:
    print("stopped")
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(STEPS * BATCH * 5 // 4, 3))
    y = np.sin(x[:, 0]) + x[:, 1] * x[:, 2] + rng.normal(0, 0.1, len(x))
    lines = [",".join(f"{value:.6f}" for value in (*row, target)) for row, target in zip(x, y, strict=True)]
    path = tmp_path_factory.mktemp("data") / "rows.csv"
    path.write_text("\n".join(["a,b,c,y", *lines]) + "\n")
    return path


def leg(data: Path, output: Path, backend: str, *, stop: int = 0, is_resuming: bool = False) -> str:
    """A part of a run in a process of its own, stopped after that many epochs (0: it runs to its end)."""
    values = {
        "targets": ["y"],
        "model": "mlp",
        "backend": backend,
        "settings.dropout": 0.0,
        "editions": "onnx",
        "plan.epochs": EPOCHS,
        "plan.batch_size": BATCH,
        "plan.patience": EPOCHS,
        "plan.schedule": "one_cycle",
        "plan.record_steps": True,
    }
    told = json.dumps([str(data), str(output), values, stop, is_resuming])
    source = str(Path(ambidex.__file__).parent.parent)
    done = subprocess.run(
        [sys.executable, "-c", LEG, told],
        env={**os.environ, "PYTHONPATH": source},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def travelled(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """Two epochs in TensorFlow, two in PyTorch, the last two in TensorFlow again."""
    output = tmp_path_factory.mktemp("travelled") / "m.ambidex"
    assert "stopped" in leg(data, output, "tensorflow", stop=2)
    said = leg(data, output, "torch", stop=4, is_resuming=True)
    assert "begun in tensorflow, goes on in torch\nresuming after epoch 2\n" in said
    assert "begun in torch, goes on in tensorflow" in leg(data, output, "tensorflow", is_resuming=True)
    return load(output)


def test_the_curve_goes_on_as_if_nothing_had_happened(data: Path, travelled: Artifact, tmp_path: Path) -> None:
    leg(data, tmp_path / "m.ambidex", "torch")
    stayed = load(tmp_path / "m.ambidex")
    ours, theirs = (np.array(artifact.training.history.steps) for artifact in (travelled, stayed))
    assert len(ours) == len(theirs) == EPOCHS * STEPS
    assert np.max(np.abs(ours - theirs) / theirs) <= LOCKSTEP[100]
    rates = [[record.learning_rate for record in artifact.training.history.epochs] for artifact in (travelled, stayed)]
    assert rates[0] == rates[1]
    weights = travelled.weights
    assert max(float(np.abs(array - weights[name]).max()) for name, array in stayed.weights.items()) <= LOCKSTEP[300]


def test_the_switches_are_recorded(travelled: Artifact) -> None:
    switches = travelled.training.history.switches
    assert [(switch.epoch, switch.before, switch.after) for switch in switches] == [
        (3, "tensorflow", "torch"),
        (5, "torch", "tensorflow"),
    ]
    assert travelled.training.backend == "tensorflow"
