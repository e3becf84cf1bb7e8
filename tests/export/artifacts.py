"""Artifacts to export, made without an engine: preparation learnt from rows, weights drawn and shaken."""

from __future__ import annotations

from typing import Any

import numpy as np

from ambidex.arch.table import MODELS
from ambidex.config import Experiment
from ambidex.config.experiment import Series
from ambidex.data.frames import table_from
from ambidex.graph import initial_weights
from ambidex.training.history import History
from ambidex.workflow.load import Artifact, load_bytes
from ambidex.workflow.seal import SOLVED, make_draft, seal
from ambidex.workflow.series_problem import series_problem
from ambidex.workflow.table_problem import table_problem

ROWS, WINDOW, HORIZON = 96, 12, 3
TABLES = [name for name, model in MODELS.items() if model.domain == "table"]
SERIES = [name for name, model in MODELS.items() if model.domain == "series"]


def artifact_of(model: str, *, task: str = "auto", settings: dict[str, Any] | None = None) -> Artifact:
    """A model of that architecture for rows with numbers, flags, texts and times, or for two named series.

    `task`: of a table, `binary` unless it is `multiclass` or `regression`, which has two targets; series are
    scaled by window and have quantiles where the architecture can.
    """
    experiment, columns = _table(task) if model in TABLES else _series(is_solved=MODELS[model].is_solved)
    table = table_from(columns)
    chosen = {"model": model, "settings": settings or {}}
    experiment = Experiment(**{field: getattr(experiment, field) for field in experiment.__struct_fields__} | chosen)
    problem = (series_problem if model in SERIES else table_problem)(experiment, table)
    rng = np.random.default_rng(5)
    weights = {
        name: (array + 0.1 * rng.random(array.shape)).astype(np.float32)
        for name, array in initial_weights(problem.graph, 1).items()
    }
    draft = make_draft(problem, experiment, SOLVED, weights=weights, history=History(), fit_s=0.0)
    return load_bytes(seal(draft, engines=()).data, path="some model.ambidex")


def _table(task: str) -> tuple[Experiment, dict[str, Any]]:
    rng = np.random.default_rng(3)
    columns = {
        "size": np.where(rng.random(ROWS) < 0.1, np.nan, rng.normal(size=ROWS) * 50),
        "is_new": rng.random(ROWS) < 0.5,
        "größe €": rng.choice(["klein", "mittel", "groß"], ROWS),
        "colour": rng.choice(["red", "green", "blue", "yellow"], ROWS),
        "sold": np.datetime64("2024-01-01T00:00", "us") + rng.integers(0, 9999, ROWS) * np.timedelta64(1, "h"),
    }
    if task == "regression":
        columns |= {"price": rng.normal(size=ROWS) * 1e3, "days": rng.normal(size=ROWS) + 40}
        return Experiment(targets=("price", "days"), task="regression"), columns
    classes = ["low", "high"] if task != "multiclass" else ["low", "middle", "high"]
    columns["class"] = rng.choice(classes, ROWS)
    return Experiment(targets=("class",)), columns


def _series(*, is_solved: bool) -> tuple[Experiment, dict[str, Any]]:
    rng = np.random.default_rng(4)
    steps = np.tile(np.arange(ROWS), 2)
    columns = {
        "time": np.datetime64("2024-01-01", "us") + steps * np.timedelta64(1, "D"),
        "shop": np.repeat(["north", "south"], ROWS),
        "sales": 20 + np.sin(steps / 3) + rng.normal(size=2 * ROWS) / 5,
        "visitors": 100 + rng.normal(size=2 * ROWS),
    }
    series = Series(
        time="time", horizon=HORIZON, window=WINDOW, keys=("shop",), past=("visitors",), scaling="instance", cycle=0
    )
    quantiles = () if is_solved else (0.1, 0.5, 0.9)
    return Experiment(targets=("sales",), series=series, quantiles=quantiles), columns
