"""Graphs and plans to write out: small, not trained, of every kind."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from ambidex.config import Experiment, Series
from ambidex.data.read import read_table
from ambidex.data.table import Table
from ambidex.eject import Subject
from ambidex.training.defaults import default_plan
from ambidex.training.plan import Plan
from ambidex.workflow.series_problem import series_problem
from ambidex.workflow.table_problem import table_problem

DATA = Path(__file__).parents[2] / "examples" / "data"
RUN = {"epochs": 2, "batch_size": 32, "record_steps": True}


def adult(folder: Path, rows: int = 1500) -> Path:
    """The first rows of the adult table."""
    path = folder / "adult.csv"
    with gzip.open(DATA / "adult.csv.gz", "rt") as file:
        path.write_text("".join(line for line, _ in zip(file, range(rows + 1), strict=False)))
    return path


def subject(experiment: Experiment, table: Table) -> Subject:
    """What would be ejected after a run on this table."""
    problem = (series_problem if experiment.is_series else table_problem)(experiment, table)
    return Subject(graph=problem.graph, schema=problem.schema, experiment=experiment, loss=problem.loss_name)


def experiment(
    model: str, series: Series | None = None, plan: dict[str, Any] | None = None, **fields: Any
) -> Experiment:
    """An experiment with a short run."""
    made = msgspec.structs.replace(default_plan(model), **(RUN | (plan or {})))
    return Experiment(model=model, series=series or Series(), plan=made, **fields)


def weather(**fields: Any) -> Series:
    """The daily weather of Seattle as a series."""
    return msgspec.structs.replace(Series(time="date", horizon=5, window=14), **fields)


def mixed_table() -> Table:
    """Numbers written in several ways, flags, texts, times, gaps and two numeric targets."""
    rng = np.random.default_rng(5)
    count = 200
    days = np.datetime64("2021-01-01") + rng.integers(0, 700, count)
    return Table(
        {
            "price": [
                f"{value:,.2f} €".replace(",", "x").replace(".", ",").replace("x", ".")
                for value in 900 + 400 * rng.random(count)
            ],
            "size": ["" if value < 0.1 else f"{value:.4f}" for value in rng.random(count)],
            "is_new": [str(value) for value in rng.choice(["yes", "no"], count)],
            'it\'s "odd"': [str(value) for value in rng.choice(["a", "b|c", "it's", 'say "x"', ""], count)],
            "day": [str(value) for value in days.astype(str)],
            "weight": [f"{value:.3f}" for value in 0.5 + rng.random(count)],
            "first": [f"{value:.4f}" for value in rng.normal(size=count)],
            "second": ["" if value > 1.8 else f"{value:.4f}" for value in rng.normal(size=count)],
        }
    )


SERIES_FILE = DATA / "seattle_weather_daily.csv"
TWO = ("temp_max", "temp_min")


def several_series() -> Table:
    """Two shops with a gap and a repeated day."""
    rng = np.random.default_rng(6)
    rows: dict[str, list[str]] = {"shop": [], "day": [], "sales": [], "visits": []}
    for shop, start in (("b", 10.0), ("a", 1000.0)):
        for day in range(120):
            if day == 40:
                continue
            rows["shop"].append(shop)
            rows["day"].append(str(np.datetime64("2023-03-01") + day))
            rows["sales"].append("" if day == 60 else f"{start * (2 + np.sin(day / 3) + 0.1 * rng.random()):.3f}")
            rows["visits"].append(f"{rng.random():.3f}")
    return Table({name: [*cells[:50], *cells[49:]] for name, cells in rows.items()})


def cases(folder: Path) -> dict[str, tuple[Experiment, Table]]:
    """Experiments and their tables: every architecture, task, scaling and way of training between them."""
    return table_cases(folder) | series_cases()


def table_cases(folder: Path) -> dict[str, tuple[Experiment, Table]]:
    """Those of tables."""
    table, seattle = read_table(adult(folder)), read_table(SERIES_FILE)
    sgd = {"optimizer": {"name": "sgd", "learning_rate": 0.01, "weight_decay": 0.01}, "schedule": "one_cycle"}
    return {
        "binary": (experiment("mlp", targets=("income",), drop=("uci_split",)), table),
        "balanced": (
            experiment(
                "mlp_plain",
                targets=("income",),
                class_weight="balanced",
                settings={"norm": "layer", "hidden": (16, 16, 16)},
                plan={"ema": 0.9, "accumulate": 2, "warmup": 0.1},
            ),
            table,
        ),
        "multiclass": (
            experiment("mlp", targets=("weather",), settings={"norm": "batch", "hidden": (8,)}, split="time"),
            seattle,
        ),
        "regression": (
            experiment(
                "mlp",
                targets=("first", "second"),
                weight="weight",
                task="regression",
                plan=_converted(sgd),
                loss="huber",
            ),
            mixed_table(),
        ),
        "quantiles": (
            experiment("mlp", targets=("first",), quantiles=(0.1, 0.5, 0.9), split="hash:day", drop=("weight",)),
            mixed_table(),
        ),
    }


def series_cases() -> dict[str, tuple[Experiment, Table]]:
    """Those of series."""
    seattle = read_table(SERIES_FILE)
    months = read_table(DATA / "air_passengers_monthly.csv")
    oil = read_table(DATA / "wti_daily.csv").take(np.arange(600))
    shops = Series(time="day", horizon=3, window=10, keys=("shop",), past=("visits",))
    return {
        "linear": (experiment("linear", weather(), targets=TWO), seattle),
        "lstm": (experiment("lstm", weather(), targets=("temp_max",)), seattle),
        "gru": (
            experiment(
                "gru",
                weather(train_end="2015-01-01", validation_end="2015-10-01"),
                targets=TWO,
                quantiles=(0.2, 0.5, 0.8),
                settings={"units": 8, "layers": 2, "bidirectional": True, "dropout": 0.1, "residual": "linear"},
            ),
            seattle,
        ),
        "log_ratio": (
            experiment(
                "lstm", Series(time="Month", horizon=3, window=12, scaling="log_ratio"), targets=("Passengers",)
            ),
            months,
        ),
        "difference": (
            experiment("gru", Series(time="Date", horizon=2, window=8, scaling="difference"), targets=("Price",)),
            oil,
        ),
        "series": (experiment("lstm", shops, targets=("sales",), settings={"residual": "last"}), several_series()),
    }


def _converted(plan: dict[str, Any]) -> dict[str, Any]:
    made = msgspec.convert(plan, Plan)
    return {name: getattr(made, name) for name in plan}
