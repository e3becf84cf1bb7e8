"""Made-up samples: what columns would have measured, with as much noise as a test wants."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from ambidex.compare.code import count_code
from ambidex.compare.column import COLUMNS, Column, Division
from ambidex.compare.comparison import Comparison, DivisionResult, ExportResult, ImportProfile, Machine, Setting
from ambidex.compare.finding import find
from ambidex.compare.quantity import quantities
from ambidex.compare.sample import Sample
from ambidex.compare.statistics import interval
from ambidex.compare.table import gather_samples, make_division

ROWS, MANY = 1024, 1000
SECONDS: dict[str, float] = {
    "import_s": 1.5,
    "create_s": 0.5,
    "first_step_s": 0.1,
    "warm_up_s": 0.4,
    "epoch_s": 0.2,
    "epoch_cpu_s": 0.2,
    "one_row_s": 0.0004,
    "many_rows_s": 0.002,
}


def make_samples(
    division: Division,
    columns: dict[str, dict[str, float]],
    *,
    runs: int = 9,
    noise: float = 0.02,
    seed: int = 0,
) -> list[Sample]:
    """Samples of each column, whose seconds are `SECONDS` times its factors; a run's mood falls on all of them."""
    rng = np.random.default_rng(seed)
    found = []
    for run in range(runs):
        mood = float(np.exp(rng.normal(0, 0.3)))
        losses = 0.7 - 0.1 * np.arange(5) + rng.normal(0, 0.01)
        for column, factors in columns.items():
            for quantity, seconds in SECONDS.items():
                if column == "onnxruntime" and quantity in {"first_step_s", "warm_up_s", "epoch_s", "epoch_cpu_s"}:
                    continue
                count = {"epoch_s": 4, "epoch_cpu_s": 4, "one_row_s": 40, "many_rows_s": 8}.get(quantity, 1)
                values = seconds * factors.get(quantity, 1.0) * mood * np.exp(rng.normal(0, noise, count))
                found.append(_sample(division, column, run, quantity, values))
            if column != "onnxruntime":
                found.append(_sample(division, column, run, "validation_loss", losses))
                found.append(_sample(division, column, run, "quality", np.asarray([0.8 + 0.001 * run])))
                if division == "matched":
                    found.append(_sample(division, column, run, "first_loss", losses[:1]))
                    found.append(_sample(division, column, run, "step_loss", losses))
            memory = 300.0 * factors.get("memory", 1.0)
            found.append(_sample(division, column, run, "memory_mib", np.asarray([memory + rng.normal(0, 0.1)])))
    return found


def _sample(division: Division, column: str, run: int, quantity: str, values: npt.NDArray[Any]) -> Sample:
    return Sample(division=division, column=column, run=run, quantity=quantity, values=tuple(values.tolist()))


FACTORS: dict[str, dict[str, float]] = {
    "torch": {},
    "tensorflow": {"import_s": 3.0, "first_step_s": 20.0, "memory": 2.0},
    "tensorflow-xla": {"import_s": 3.0, "first_step_s": 40.0, "epoch_s": 0.5, "epoch_cpu_s": 0.5, "memory": 2.0},
    "onnxruntime": {"import_s": 0.05, "one_row_s": 0.2, "memory": 0.3},
}


def make_empty(division: Division) -> DivisionResult:
    """A division in which PyTorch and TensorFlow failed after their import."""
    columns = ("torch", "tensorflow")
    samples = [_sample(division, column, 0, "import_s", np.asarray([1.0])) for column in columns]
    rows = quantities(rows=ROWS, many_rows=MANY, is_classification=True)
    return make_division(gather_samples(division, [COLUMNS[column] for column in columns], samples), rows)


def make_comparison(*, name: str = "desk", runs: int = 9, noise: float = 0.02) -> Comparison:
    """A whole comparison of made-up samples, as a report has it."""
    columns: list[Column] = [COLUMNS[column] for column in FACTORS]
    rows = quantities(rows=ROWS, many_rows=MANY, is_classification=True)
    divisions = tuple(
        make_division(gather_samples(division, columns, make_samples(division, FACTORS, runs=runs, noise=noise)), rows)
        for division in ("defaults", "matched")
    )
    comparison = Comparison(
        ambidex="0.0",
        machine=Machine(
            name=name,
            cpu="A processor with a rather long name @ 2.40GHz",
            cores=2,
            memory_gib=8,
            system="Linux",
            python="3.11",
            versions={"torch": "2.13.0", "keras": "3.15.1"},
            load=0.1,
        ),
        setting=Setting(
            command="ambidex compare adult.csv --target income -o report",
            kind="full",
            runs=runs,
            data={"file": "adult.csv", "model": "mlp"},
            plan={"threads": "1", "device": "cpu"},
            facts={"matched, torch": {"torch.get_num_threads()": "1"}},
        ),
        titles={column.name: column.title for column in columns},
        divisions=divisions,
        imports=(
            ImportProfile(
                engine="torch",
                slowest_s={"torch": 1.2, "sympy": 0.2, "networkx": 0.1, "typing_extensions": 0.05},
                why_not_cold="the system kept the files in the page cache",
                install_bytes=2**30,
                packages={"torch": 2**29, "nvidia-cublas-cu12": 2**28, "nvidia-cudnn-cu12": 2**28},
            ),
            ImportProfile(engine="tensorflow", cold_s=interval([9.0, 9.5, 10.0]), install_bytes=2**31),
        ),
        exports=(
            ExportResult(target="onnx", seconds=0.02, size_bytes=100_000, max_abs=1e-7, passed=True),
            ExportResult(target="litert", reason="needs ai-edge-litert"),
        ),
        server_s=interval([0.2, 0.21, 0.22]),
        sources=count_code({"PyTorch": "import torch\n# a comment\n\nx = 1  # one\n", "Keras": "import keras\n"}),
        not_measured=("a GPU",),
        seconds=90.0,
    )
    return msgspec.structs.replace(comparison, findings=find(comparison))
