"""A small table that frameworks learn in a moment, prepared for a comparison."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from ambidex.compare.prepare import QUICK, Task, prepare_task
from ambidex.config import Given, resolve
from ambidex.data.read import read_table

EFFORT = msgspec.structs.replace(QUICK, runs=1, epochs=3, rows=256, blocks=2)


def write_small(path: Path) -> Path:
    """400 rows: a number and a category that decide a yes or no."""
    rng = np.random.default_rng(0)
    size, color = rng.normal(size=400), rng.choice(["red", "green", "blue"], 400)
    answer = size + (color == "red") > 0.3
    rows = [f"{a:.4f},{b},{'yes' if c else 'no'}" for a, b, c in zip(size, color, answer, strict=True)]
    path.write_text("size,color,answer\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return path


def small_task(folder: Path, *assignments: str) -> Task:
    """The task that compares frameworks on the table."""
    values = {"targets": ["answer"], "plan.device": "cpu", "plan.batch_size": 64, "plan.threads": 1}
    experiment = resolve(Given(values=values, assignments=["hidden=16", *assignments]))
    return prepare_task(experiment, read_table(str(write_small(folder / "small.csv"))), EFFORT)
