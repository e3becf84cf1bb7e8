"""Accuracy and fit time on three public tables, per backend and seed, beside goals and a plain loop written by hand.

Each table is cut by one fixed rule: row i of the file goes by b = int(md5("<name>:<i>")[:8], 16) % 10 to training
(0-5), validation (6, 7: it chooses the epoch) or test (8, 9: looked at once). Every fit is a process of its own. The
loop written by hand (`plain_mlp.py`) runs in turns with ours, so that both meet the same load; compare CPU seconds
where the machine is busy.

Run: python benchmarks/accuracy.py [FOLDER] --backends torch tensorflow jax --seeds 0 1 2
FOLDER holds adult.csv.gz, california_housing.csv.gz, covertype_10k.csv.gz; tables that are not there are left out.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
EXAMPLES = HERE.parent / "examples" / "data"
PLAIN = "by hand"


@dataclass(frozen=True, kw_only=True)
class Table:
    """What to predict, what to leave out, and the goals: at least, or for errors at most."""

    name: str
    target: str
    counts: tuple[int, int, int]
    goals: dict[str, float]
    drop: tuple[str, ...] = ()
    task: str = "auto"


TABLES = (
    Table(
        name="adult",
        target="income",
        drop=("uci_split",),
        counts=(29330, 9673, 9839),
        goals={"accuracy": 0.853, "roc_auc": 0.907},
    ),
    Table(name="california_housing", target="MedHouseVal", counts=(12466, 4102, 4072), goals={"rmse": 0.52}),
    Table(
        name="covertype_10k",
        target="Cover_Type",
        counts=(5984, 2032, 1984),
        goals={"accuracy": 0.80},
        task="multiclass",
    ),
)
LOWER = {"rmse"}


def cut(table: Table, source: Path, folder: Path) -> list[Path]:
    """Writes train.csv, validation.csv and test.csv; a row that spans lines would not be found here."""
    with gzip.open(source, "rt", encoding="utf-8", newline="") as file:
        header, *rows = file.read().splitlines(keepends=True)
    parts: tuple[list[str], ...] = ([header], [header], [header])
    for i, row in enumerate(rows):
        bucket = int(hashlib.md5(f"{table.name}:{i}".encode()).hexdigest()[:8], 16) % 10
        parts[0 if bucket < 6 else 1 if bucket < 8 else 2].append(row)
    counts = tuple(len(part) - 1 for part in parts)
    if counts != table.counts:
        raise SystemExit(f"Expected {table.counts} rows of {table.name}, got {counts}: another version of the file.")
    paths = [folder / f"{table.name}.{part}.csv" for part in ("train", "validation", "test")]
    for path, part in zip(paths, parts, strict=True):
        path.write_text("".join(part), encoding="utf-8")
    return paths


def fit(table: Table, paths: list[Path], backend: str, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """One fit of ours, or of the plain loop, in a new process."""
    train, validation, test = map(str, paths)
    if backend == PLAIN:
        job: dict[str, Any] = {
            "train": train,
            "validation": validation,
            "test": test,
            "target": table.target,
            "drop": table.drop,
        }
        how = {"seed": seed, "threads": options.threads, "is_classes": "accuracy" in table.goals}
        return process("plain_mlp.py", job | how)
    values = {
        "targets": [table.target],
        "drop": table.drop,
        "task": table.task,
        "validation": validation,
        "plan.seed": seed,
        "plan.threads": options.threads,
    }
    job = {"backend": backend, "data": train, "test": test, "values": values, "assignments": options.set}
    return process("fit_once.py", job)


def process(script: str, job: dict[str, Any]) -> dict[str, Any]:
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, str(HERE / script)]
    done = subprocess.run(command, input=json.dumps(job), capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def summarize(table: Table, backend: str, runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Means over seeds, the spread of each goal's measure, and whether the mean reaches the goal."""
    row: dict[str, Any] = {"table": table.name, "backend": backend, "seeds": len(runs)}
    for measure, goal in table.goals.items():
        values = [run["test"][measure] for run in runs]
        mean = statistics.fmean(values)
        is_met = mean <= goal if measure in LOWER else mean >= goal
        row[measure] = {"mean": mean, "values": values, "goal": goal, "is_met": is_met}
    for name in ("seconds", "cpu_seconds", "best_epoch", "epochs"):
        row[name] = statistics.fmean(run[name] for run in runs)
    return row


def show(row: dict[str, Any], table: Table) -> None:
    measures = []
    for measure, goal in table.goals.items():
        values = row[measure]["values"]
        spread = f" ± {statistics.stdev(values):.4f}" if len(values) > 1 else ""
        sign, mark = "≤" if measure in LOWER else "≥", "" if row[measure]["is_met"] else "  MISSED"
        measures.append(f"{measure} {row[measure]['mean']:.4f}{spread} ({sign} {goal}){mark}")
    cost = f"{row['seconds']:6.1f} s {row['cpu_seconds']:6.1f} CPU s"
    epochs = f"best of epochs {row['best_epoch']:.0f}/{row['epochs']:.0f}"
    print(f"{table.name:<20}{row['backend']:<12}{cost}   {epochs}   {'   '.join(measures)}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=EXAMPLES)
    parser.add_argument("--backends", nargs="*", default=["torch", "tensorflow", "jax"])
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2])
    parser.add_argument("--tables", nargs="*", default=[table.name for table in TABLES])
    parser.add_argument("--threads", type=int, default=1, help="of every engine; nets this small gain little from more")
    parser.add_argument("--without-plain", action="store_true", help="leave out the loop written by hand")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="as of ambidex train")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    engines = [*([] if arguments.without_plain else [PLAIN]), *arguments.backends]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for table in TABLES:
            source = arguments.folder / f"{table.name}.csv.gz"
            if table.name not in arguments.tables or not source.exists():
                continue
            paths = cut(table, source, Path(folder))
            runs: dict[str, list[dict[str, Any]]] = {engine: [] for engine in engines}
            for seed in arguments.seeds:
                for engine in engines:
                    runs[engine].append(fit(table, paths, engine, seed, arguments))
            for engine in engines:
                rows.append(summarize(table, engine, runs[engine]))
                if not arguments.json:
                    show(rows[-1], table)
    if arguments.json:
        print(json.dumps(rows))
    ours = [row for row in rows if row["backend"] != PLAIN]
    return 0 if all(value["is_met"] for row in ours for value in row.values() if isinstance(value, dict)) else 1


if __name__ == "__main__":
    raise SystemExit(main())
