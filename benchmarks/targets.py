"""Every architecture in every target: whether it passes, how far it is from the reference, seconds, bytes.

Trains a small model of each architecture of `ambidex models`, exports each to each target of `ambidex targets`, every
step a process of its own, and prints the table as Markdown. A target whose packages are missing here says so.
`--python TARGET=PATH` runs a target in an interpreter that has them (see tests/targets).

Run: python benchmarks/targets.py -o out
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ambidex.arch.table import MODELS
from ambidex.export.table import TARGETS
from ambidex.export.target import Target

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "examples" / "data"
TABLE = (str(DATA / "adult.csv.gz"), "--target", "income", "--drop", "uci_split")
SERIES = (str(DATA / "co2_weekly_missing.csv"), "--target", "co2", "--time", "date", "--horizon", "8", "--window", "24")
QUICK = ("--epochs", "1", "--set", "editions=onnx", "--quiet", "--json")
TIMEOUT_S = 1800
SUFFIXES = {
    "onnx": ".onnx",
    "keras": ".keras",
    "pt2": ".pt2",
    "torchscript": ".pt",
    "litert": ".tflite",
    "executorch": ".pte",
    "torchserve": ".mar",
}
"""What a file is called; other targets are folders."""

Cell = dict[str, Any]


def ambidex(python: str, *words: str) -> Cell:
    """The JSON result of a command, or its error under `error`."""
    env = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    try:
        done = subprocess.run(
            [python, "-m", "ambidex", *words], env=env, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return {"error": {"message": f"no end after {TIMEOUT_S} s"}}
    last = (done.stdout.strip().splitlines() or ["{}"])[-1]
    result: Cell = json.loads(last)
    return result or {"error": {"message": (done.stderr.strip().splitlines() or ["nothing said"])[-1]}}


def train(name: str, folder: Path) -> Path | str:
    """A model of an architecture, or why there is none."""
    path = folder / f"{name}.ambidex"
    words = TABLE if MODELS[name].domain == "table" else SERIES
    backend = () if MODELS[name].is_solved else ("--backend", "torch")
    result = ambidex(sys.executable, "train", *words, "--model", name, *backend, *QUICK, "-o", str(path))
    return result["error"]["message"] if "error" in result else path


def measure(model: Path, target: Target, folder: Path, python: str) -> Cell:
    """One cell: the certificate's figures, or the reason why there are none."""
    output = folder / f"{model.stem}-{target.name}{SUFFIXES.get(target.name, '')}"
    if output.is_dir():
        shutil.rmtree(output)  # an export leaves a folder with something in it alone
    result = ambidex(python, "export", str(model), "--to", target.name, "-o", str(output), "--json", "--quiet")
    if "error" in result:
        return {"passed": False, "reason": result["error"]["message"]}
    certificate = result["certificate"]
    return {
        "passed": certificate["passed"],
        "max_abs": certificate["max_abs"],
        "rows": certificate["rows"],
        "seconds": result["seconds"],
        "size_bytes": result["size_bytes"],
    }


def written(cell: Cell) -> str:
    """A cell in Markdown."""
    if "reason" in cell:
        return f"no: {cell['reason']}"
    verdict = "" if cell["passed"] else "**fails** "
    return f"{verdict}{cell['max_abs']:.0e}, {cell['seconds']:.2f} s, {cell['size_bytes'] / 1024:.0f} KB"


def missing_in(target: Target) -> str:
    """What a target cannot hold."""
    holds = {"strings": target.strings, "free batch": target.free_batch, "free time": target.free_time}
    return ", ".join(name for name, survives in holds.items() if not survives) or "nothing"


def markdown(names: Sequence[str], cells: Mapping[str, Mapping[str, Cell]]) -> str:
    """The table: a line per target, a column per architecture."""
    lines = [f"| target | {' | '.join(names)} | cannot hold |", "|" + "---|" * (len(names) + 2)]
    for target in TARGETS.values():
        row = [written(cells[name][target.name]) for name in names]
        lines.append(f"| {target.name} | {' | '.join(row)} | {missing_in(target)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "benchmarks" / "out" / "targets")
    parser.add_argument("--models", nargs="*", default=list(MODELS), metavar="NAME")
    parser.add_argument("--python", nargs="*", default=[], metavar="TARGET=PATH")
    args = parser.parse_args()
    pythons = dict(pair.split("=", 1) for pair in args.python)
    args.output.mkdir(parents=True, exist_ok=True)
    cells: dict[str, dict[str, Cell]] = {}
    for name in args.models:
        model = train(name, args.output)
        for target in TARGETS.values():
            if isinstance(model, Path):
                cell = measure(model, target, args.output, pythons.get(target.name, sys.executable))
            else:
                cell = {"passed": False, "reason": model}
            cells.setdefault(name, {})[target.name] = cell
            print(f"{name} {target.name}: {written(cell)}", file=sys.stderr, flush=True)
    (args.output / "targets.json").write_text(json.dumps(cells, indent=1))
    table = markdown(args.models, cells)
    (args.output / "targets.md").write_text(table)
    print(table, end="")


if __name__ == "__main__":
    main()
