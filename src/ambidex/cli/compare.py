"""Measure PyTorch, TensorFlow, JAX and ONNX Runtime side by side on your data; write a report that can be repeated.

Two divisions are kept apart: Defaults (what a user of each framework would write) and Matched (the same weights,
batches and update equation). OUT is a folder: report.html, report.md, report.json, and samples.jsonl with every sample.
Ctrl-C keeps the samples so far; --resume goes on from them.

Examples:
  ambidex compare adult.csv.gz --target income --quick -o report
  ambidex compare oil.csv --target OT --time date --horizon 24 --model lstm -o report
  ambidex compare --from laptop/report.json server/report.json -o both
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ambidex.cli.data_arguments import add_series_arguments, fraction_or_file, names
from ambidex.cli.output import add_output_arguments, note, print_json
from ambidex.cli.train import PATHS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ambidex.compare.comparison import Comparison
    from ambidex.compare.prepare import Effort
    from ambidex.config import Experiment

EXPERIMENT: tuple[str, ...] = (
    "target",
    "task",
    "model",
    "device",
    "precision",
    "batch_size",
    "learning_rate",
    "loss",
    "validation",
    "split",
    "seed",
    "drop",
    "threads",
    "time",
    "horizon",
    "window",
    "series",
    "past",
    "scaling",
    "train_end",
    "validation_end",
)
"""The flags of `train` that a comparison takes as well, under the same names."""
FILES: tuple[str, ...] = ("report.html", "report.md", "report.json", "samples.jsonl")
BESIDE_FROM: frozenset[str] = frozenset({"reports", "output", "json", "quiet"})
"""All that `--from` goes with: nothing is measured."""
DEFAULT_SERIES_MODEL = "lstm"
"""What `--model auto` means for series here: the default of training is solved, which no framework takes part in."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `compare`."""
    parser.add_argument("data", nargs="?", metavar="DATA", help="CSV, Parquet, Arrow or JSON lines, also .gz")
    parser.add_argument("-o", "--output", required=True, metavar="OUT", help="the folder of the report")
    parser.add_argument("--target", type=names, metavar="COL[,COL…]", help="what to predict")
    add = parser.add_argument_group("measuring").add_argument
    add("--quick", action="store_true", help="one to two minutes: three runs, eager and graph only; says so")
    add("--columns", type=names, default=[], metavar="NAME,…", help="which: torch, torch-compile, tensorflow, …")
    add("--runs", type=int, metavar="N", help="runs of each column in each division (9; with --quick 3)")
    add("--epochs", type=int, metavar="N", help="epochs of each run (4; with --quick 3)")
    add("--rows", type=int, metavar="N", help="at most this many rows (or windows) in an epoch")
    add("--resume", action="store_true", help="go on from OUT/samples.jsonl")
    add("--from", dest="reports", nargs="+", metavar="REPORT.json", help="merge reports of several machines, no DATA")
    add = parser.add_argument_group("network and data").add_argument
    add("--model", metavar="NAME", help="an architecture (ambidex models), or auto")
    add("--device", metavar="NAME", help="cpu (the default), cuda or cuda:N")
    add("--precision", metavar="TYPE", help="float32, tf32 or bfloat16, in Matched")
    add("--threads", type=int, metavar="N", help="threads of every framework")
    add("--batch-size", type=int, metavar="N", help="rows per step in both divisions")
    add("--learning-rate", type=float, metavar="X", help="of Matched; Defaults have each framework's own")
    add("--loss", metavar="NAME", help="cross_entropy, mse, mae or huber")
    add("--seed", type=int, metavar="N", help="of the first run; the others count on")
    add("--task", metavar="KIND", help="auto, binary, multiclass, regression or forecast")
    add("--validation", type=fraction_or_file, metavar="FRACTION|FILE", help="rows to validate on (0.2)")
    add("--split", metavar="HOW", help="random (stratified for classes), time, group:COL or hash:COL")
    add("--drop", type=names, metavar="COL,…", help="columns to leave out")
    add("--set", action="append", default=[], metavar="KEY=VALUE", help="any field of the experiment")
    add_series_arguments(parser)
    add_output_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Runs the command."""
    comparisons, files = _merge(args) if args.reports else ([_measure(args)], FILES)
    if args.json:
        print_json(summary(args.output, comparisons, files))
        return 0
    from ambidex.compare.together import labels

    for label, comparison in zip(labels(comparisons), comparisons, strict=True):
        if len(comparisons) > 1:
            print(f"{label}:")
        for finding in comparison.findings:
            print(f"- {finding}")
    page, *others = files
    print(f"\nwrote {Path(args.output) / page} (and {', '.join(others)})")
    return 0


def _merge(args: argparse.Namespace) -> tuple[list[Comparison], Sequence[str]]:
    from ambidex.compare.merge import merge
    from ambidex.errors import UsageError, expected

    for name, value in vars(args).items():
        if name in BESIDE_FROM or value is None or value is False or value == []:
            continue
        where = "DATA" if name == "data" else f"--{name.replace('_', '-')}"
        fix = "Merge reports, or measure data."
        raise UsageError(expected(f"no {where} beside --from", got="both", fix=fix), where=where)
    merged = merge(Path(args.output), [Path(path) for path in args.reports])
    for text in merged.notes:
        note(text, is_quiet=args.quiet)
    return merged.comparisons, FILES if merged.has_samples else FILES[:-1]


def _measure(args: argparse.Namespace) -> Comparison:
    from ambidex.compare.column import choose_columns
    from ambidex.compare.run import Session, compare
    from ambidex.data.read import read_table
    from ambidex.errors import UsageError, expected

    if args.data is None or args.data == "-":
        got = "none" if args.data is None else "standard input"
        fix = "Name it, or give --from REPORT.json…"
        raise UsageError(expected("a file of data", got=got, fix=fix), where="DATA")
    columns = choose_columns(args.columns, is_quick=args.quick)
    effort, experiment = _effort(args), _experiment(args)
    session = Session(
        command=spelled(args),
        file=Path(args.data).name,
        is_resuming=args.resume,
        say=lambda text: note(text, is_quiet=args.quiet),
        show=_show(is_quiet=args.quiet),
    )
    table = read_table(args.data)
    return compare(table, experiment, Path(args.output), columns=columns, effort=effort, session=session)


def _effort(args: argparse.Namespace) -> Effort:
    import msgspec

    from ambidex.compare.prepare import FULL, QUICK
    from ambidex.errors import UsageError, expected

    given = {"runs": args.runs, "epochs": args.epochs, "rows": args.rows, "windows": args.rows}
    for name in ("runs", "epochs", "rows"):
        if given[name] is not None and given[name] < 1:
            where = f"--{name}"
            raise UsageError(expected("at least 1", got=given[name], where=where), where=where)
    chosen = {name: value for name, value in given.items() if value is not None}
    return msgspec.structs.replace(QUICK if args.quick else FULL, **chosen)


def _experiment(args: argparse.Namespace) -> Experiment:
    from ambidex.config import Given, resolve
    from ambidex.errors import UsageError, expected

    values: dict[str, Any] = {PATHS[flag]: getattr(args, flag) for flag in EXPERIMENT}
    values = {path: value for path, value in values.items() if value is not None}
    if "targets" not in values and not any(text.startswith("targets=") for text in args.set):
        raise UsageError(expected("the column to predict", got="none", fix="Name it with --target."), where="--target")
    values.setdefault("plan.device", "cpu")
    if (args.horizon or args.task == "forecast") and args.model in (None, "auto"):
        values["model"] = DEFAULT_SERIES_MODEL
    return resolve(Given(values=values, assignments=args.set))


def spelled(args: argparse.Namespace) -> str:
    """The command that repeats the comparison."""
    import shlex

    words = ["ambidex", "compare", str(args.data)]
    for name, value in vars(args).items():
        if name in ("data", "json", "quiet", "resume", "reports") or value in (None, False, []):
            continue
        flag = f"--{name.replace('_', '-')}"
        if name == "set":
            words += [word for text in value for word in (flag, text)]
        else:
            words += [flag] if value is True else [flag, ",".join(value) if isinstance(value, list) else str(value)]
    return shlex.join(words)


def _show(*, is_quiet: bool) -> Any:
    """Progress: one line that is written over on a terminal, else a line every few seconds."""
    import sys
    import time

    last = [0.0]

    def show(text: str) -> None:
        if is_quiet:
            return
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\033[K{text[:100]}")
            sys.stderr.flush()
        elif time.monotonic() - last[0] > 5:
            last[0] = time.monotonic()
            note(text)

    return show


def summary(output: str, comparisons: Sequence[Comparison], files: Sequence[str]) -> dict[str, Any]:
    """The JSON result of `compare`: medians with their intervals by division, row and column."""
    import msgspec

    from ambidex.compare.together import labels

    return {
        "output": output,
        "files": list(files),
        "comparisons": [
            {
                "report": label,
                "machine": comparison.machine.name,
                "kind": comparison.setting.kind,
                "runs": comparison.setting.runs,
                "seconds": round(comparison.seconds, 1),
                "findings": list(comparison.findings),
                "failures": msgspec.to_builtins(comparison.failures),
                "not_measured": list(comparison.not_measured),
                "divisions": {
                    division.division: {
                        row.name: {
                            "unit": row.unit,
                            "columns": msgspec.to_builtins(row.cells),
                            "contrasts": msgspec.to_builtins(row.contrasts),
                        }
                        for row in division.rows
                    }
                    for division in comparison.divisions
                },
            }
            for label, comparison in zip(labels(comparisons), comparisons, strict=True)
        ],
    }
