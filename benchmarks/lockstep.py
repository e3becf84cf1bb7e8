"""Whether two engines take the same steps: the loss of each training step in PyTorch, TensorFlow and JAX.

Every engine trains through `ambidex train` in a process of its own, from the same seed: dropout 0, Adam, float32,
default learning rate (held constant) and batch size. The losses of all steps come from `training.json` in the
artifacts. For each pair the largest relative difference up to step 10, 100 and 300 is set against 1e-5, 1e-4 and 1e-3.

Run: python benchmarks/lockstep.py [FOLDER …] [--backends torch tensorflow jax] [--picture lockstep.png]
FOLDERs are searched for adult.csv.gz and ETTh1.csv; what is not there is left out.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

EXAMPLES = Path(__file__).parent.parent / "examples" / "data"
BOUNDS = {10: 1e-5, 100: 1e-4, 300: 1e-3}
EVERY = (
    *("--optimizer", "adam", "--patience", "1000", "--quiet"),
    *("--set", "schedule=constant", "--set", "record_steps=true", "--set", "editions=onnx"),
)
Losses = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Race:
    """A data set and how it is trained; `epochs` are enough for 300 steps."""

    name: str
    file: str
    flags: tuple[str, ...]


RACES = (
    Race(
        name="adult, mlp",
        file="adult.csv.gz",
        flags=("--target", "income", "--drop", "uci_split", "--model", "mlp", "--set", "dropout=0", "--epochs", "4"),
    ),
    Race(
        name="ETTh1, lstm",
        file="ETTh1.csv",
        flags=(
            *("--target", "HUFL,HULL,MUFL,MULL,LUFL,LULL,OT", "--time", "date", "--window", "96", "--horizon", "96"),
            *("--train-end", "2017-06-25 23:00", "--validation-end", "2017-10-23 23:00"),
            *("--model", "lstm", "--epochs", "10"),
        ),
    ),
)


def losses(race: Race, data: Path, backend: str, more: list[str], folder: Path) -> Losses:
    """The loss of each step of one run."""
    artifact = folder / f"{backend}.ambidex"
    command = [sys.executable, "-m", "ambidex", "train", str(data), "--backend", backend, "-o", str(artifact)]
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run([*command, *race.flags, *EVERY, *more], capture_output=True, env=environment, check=False)
    if done.returncode:
        raise SystemExit(done.stderr.decode())
    with zipfile.ZipFile(artifact) as file:
        return np.asarray(json.loads(file.read("training.json"))["history"]["steps"])


def compare(a: Losses, b: Losses) -> dict[str, float]:
    """The largest relative difference up to each step of the bounds."""
    apart = np.abs(a - b) / np.abs(b)
    return {str(step): float(apart[:step].max()) for step in BOUNDS if step <= len(apart)}


def show(row: dict[str, Any]) -> None:
    shown = [f"step {step}: {value:.1e} (≤ {BOUNDS[int(step)]:.0e})" for step, value in row["apart"].items()]
    verdict = "kept" if row["is_met"] else "BROKEN"
    print(f"{row['race']:<12}{' and '.join(row['pair']):<22}{'   '.join(shown)}   {verdict}", flush=True)


def draw(found: dict[str, dict[str, Losses]], path: Path) -> None:
    """A picture: relative differences over steps, the bounds as marks."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(found), figsize=(5 * len(found), 3.4), sharey=True, squeeze=False)
    for axis, (name, runs) in zip(axes[0], found.items(), strict=True):
        for first, second in itertools.combinations(runs, 2):
            apart = np.abs(runs[first] - runs[second]) / runs[second]
            axis.plot(np.arange(1, len(apart) + 1), np.maximum(apart, 1e-9), lw=0.8, label=f"{first} and {second}")
        axis.plot(list(BOUNDS), list(BOUNDS.values()), "kv", label="bounds")
        axis.set(title=name, xlabel="step", xscale="log", yscale="log")
        axis.legend(fontsize=7)
    axes[0][0].set_ylabel("relative difference of the loss")
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, default=[EXAMPLES])
    parser.add_argument("--backends", nargs="+", default=["torch", "tensorflow", "jax"])
    parser.add_argument("--only", default="", help="races whose name begins so")
    parser.add_argument("--seed", default="0")
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--json", action="store_true")
    arguments, more = parser.parse_known_args()
    rows: list[dict[str, Any]] = []
    found: dict[str, dict[str, Losses]] = {}
    for race in RACES:
        data = next((folder / race.file for folder in arguments.folders if (folder / race.file).exists()), None)
        if data is None or not race.name.startswith(arguments.only):
            continue
        flags = ["--seed", arguments.seed, *more]
        with tempfile.TemporaryDirectory() as folder:
            runs = {name: losses(race, data, name, flags, Path(folder)) for name in arguments.backends}
        found[race.name] = runs
        for first, second in itertools.combinations(runs, 2):
            apart = compare(runs[first], runs[second])
            kept = len(apart) == len(BOUNDS) and all(apart[str(step)] <= bound for step, bound in BOUNDS.items())
            row = {
                "race": race.name,
                "pair": [first, second],
                "steps": len(runs[first]),
                "apart": apart,
                "is_met": kept,
            }
            rows.append(row)
            if not arguments.json:
                show(row)
    if arguments.json:
        print(json.dumps(rows))
    if arguments.picture:
        draw(found, arguments.picture)
    return 0 if rows and all(row["is_met"] for row in rows) else 1


if __name__ == "__main__":
    raise SystemExit(main())
