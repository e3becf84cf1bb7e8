"""Long-horizon forecasts of ETTh1 by the usual protocol, per backend: errors, goals and time.

The first 14,400 hours in three parts: 12 months to train on (rows up to 2017-06-25 23:00), 4 to validate, 4 to test.
96 hours of history, 96 of forecast, all seven columns; every one of the 2,785 windows whose forecast lies in the test
part counts (none is dropped). Errors are in standard deviations of the training part, averaged over columns, as in the
literature (Zhou et al. 2021). Every fit is a process of its own.

Run: python benchmarks/etth1.py PATH/TO/ETTh1.csv [--backends torch tensorflow jax] [--models linear lstm+linear lstm]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
DEFAULT = HERE.parent / "examples" / "data" / "ETTh1.csv"
SPAN = ("2017-10-24 00:00", "2018-02-20 23:00")
WINDOWS = 2785
VALUES: dict[str, Any] = {
    "targets": ["HUFL", "HULL", "MUFL", "MULL", "LUFL", "LULL", "OT"],
    "series.time": "date",
    "series.window": 96,
    "series.horizon": 96,
    "series.train_end": "2017-06-25 23:00",
    "series.validation_end": "2017-10-23 23:00",
}
MODELS: dict[str, tuple[str, list[str]]] = {
    "linear": ("linear", []),
    "lstm": ("lstm", ["residual=none"]),
    "lstm+linear": ("lstm", ["residual=linear"]),
    "gru": ("gru", ["residual=none"]),
    "gru+linear": ("gru", ["residual=linear"]),
}
GOALS = {"linear": 0.385, "lstm": 0.46, "gru": 0.46}
LINEAR_SECONDS, WORSE = 5.0, 1.02


def fit(data: Path, name: str, backend: str, seed: int, more: list[str]) -> dict[str, Any]:
    """One fit in a new process."""
    model, settings = MODELS[name]
    first, last = SPAN
    job = {
        "backend": backend,
        "data": str(data),
        "test": str(data),
        "values": VALUES | {"model": model, "plan.seed": seed},
        "assignments": [*settings, *more],
        "first": first,
        "last": last,
    }
    command = [sys.executable, str(HERE / "fit_once.py")]
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(command, input=json.dumps(job), capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    if found["count"] != WINDOWS:
        raise SystemExit(f"Expected {WINDOWS} windows, got {found['count']}: another version of the file.")
    test = found.pop("test")
    return {
        "model": name,
        "backend": backend,
        "seed": seed,
        "mse": test["mse_scaled"],
        "mae": test["mae_scaled"],
        **found,
    }


def goal_of(row: dict[str, Any], linear: float | None) -> tuple[float | None, bool]:
    """The most that the error may be, and whether it is kept."""
    goal = GOALS.get(row["model"])
    if row["model"].endswith("+linear") and linear is not None:
        goal = linear * WORSE
    kept = goal is None or row["mse"] <= goal
    return goal, kept and (row["model"] != "linear" or row["cpu_seconds"] < LINEAR_SECONDS)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path, default=DEFAULT)
    parser.add_argument("--backends", nargs="+", default=["torch", "tensorflow", "jax"])
    parser.add_argument("--models", nargs="+", default=["linear", "lstm+linear", "lstm"], choices=[*MODELS])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="as of ambidex train")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if not arguments.data.exists():
        raise SystemExit(f"Expected ETTh1.csv (ETDataset, ETT-small), got no file {arguments.data}.")
    rows: list[dict[str, Any]] = []
    linear = None
    for name in arguments.models:
        engines = ["numpy"] if name == "linear" else arguments.backends
        for backend, seed in [(backend, seed) for seed in arguments.seeds for backend in engines]:
            if name == "linear" and seed != arguments.seeds[0]:
                continue  # it is solved: nothing depends on the seed
            row = fit(arguments.data, name, backend, seed, arguments.set)
            linear = row["mse"] if name == "linear" else linear
            row["goal"], row["is_met"] = goal_of(row, linear)
            rows.append(row)
            if not arguments.json:
                show(row)
    if arguments.json:
        print(json.dumps(rows))
    return 0 if all(row["is_met"] for row in rows) else 1


def show(row: dict[str, Any]) -> None:
    goal = "" if row["goal"] is None else f" (≤ {row['goal']:.4f}){'' if row['is_met'] else ' MISSED'}"
    errors = f"MSE {row['mse']:.4f}{goal}   MAE {row['mae']:.4f}"
    cost = f"fit {row['seconds']:6.1f} s {row['cpu_seconds']:6.1f} CPU s"
    epochs = f"best of epochs {row['best_epoch']}/{row['epochs']}"
    print(f"{row['model']:<12}{row['backend']:<12}seed {row['seed']}   {errors}   {cost}   {epochs}", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
