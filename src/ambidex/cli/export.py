"""Write a model in another format, checked in that format's own runtime before anything appears.

`ambidex targets` lists the formats, what each needs, and what of a model survives in it.

Examples:
  ambidex export adult.ambidex --to onnx -o adult.onnx
  ambidex export adult.ambidex --for browser -o adult.onnx
  ambidex export adult.ambidex --to onnx --int8 --data test.csv -o small.onnx
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ambidex.cli.output import add_output_arguments, note, print_json

if TYPE_CHECKING:
    from ambidex.workflow.export import Exported


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `export`."""
    parser.add_argument("model", metavar="FILE.ambidex")
    chosen = parser.add_mutually_exclusive_group(required=True)
    chosen.add_argument("--to", metavar="TARGET", help="a format, such as onnx, savedmodel, keras, state-dict, pt2")
    chosen.add_argument("--for", dest="destination", metavar="DESTINATION", help="a place, such as browser or android")
    parser.add_argument("-o", "--output", required=True, metavar="OUT")
    parser.add_argument("--packed", action="store_true", help="one input per kind: numbers, texts, times")
    parser.add_argument("--float32-inputs", action="store_true", help="numbers enter as float32")
    precision = parser.add_mutually_exclusive_group()
    precision.add_argument("--int8", action="store_true", help="weights of eight bits; what that costs is stated")
    precision.add_argument("--float16", action="store_true", help="weights of sixteen bits; what that costs is stated")
    parser.add_argument("--data", metavar="FILE", help="rows with known answers, measured before and after")
    add_output_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Runs the command."""
    from ambidex.artifact.store import check_apart
    from ambidex.backends.source import Options
    from ambidex.data.read import read_table
    from ambidex.export.table import find_target, target_for
    from ambidex.workflow.export import export
    from ambidex.workflow.load import load

    target = target_for(args.destination) if args.destination else find_target(args.to)
    options = Options(
        packed=args.packed,
        float32_inputs=args.float32_inputs,
        precision="int8" if args.int8 else "float16" if args.float16 else "float32",
    )
    check_apart(args.output, args.data or "")
    artifact = load(args.model)
    table = read_table(args.data) if args.data else None
    say = partial(note, is_quiet=args.quiet)
    done = export(artifact, target.name, Path(args.output), options=options, table=table, say=say)
    if args.json:
        print_json(summary(done))
    else:
        _print(done)
    return 0


def summary(done: Exported) -> dict[str, Any]:
    """The JSON result of `export`."""
    from ambidex.workflow.train import edition_summary

    edition = done.edition
    is_rounded = edition.status == "not_run"
    figures = {"max_abs": edition.max_abs, "mean_abs": edition.mean_abs, "changed_decisions": edition.changed_decisions}
    result = {
        "output": str(done.path),
        "target": done.target.name,
        "seconds": round(done.seconds, 4),
        "size_bytes": done.size_bytes,
        "runs_code": done.target.runs_code,
        "checked_in": done.checked_in,
        "certificate": "not_run" if is_rounded else edition_summary(edition),
    }
    if is_rounded:
        result["accuracy_lost"] = {**figures, "rows": edition.rows, "reason": edition.reason}
    if done.measured:
        result["metrics"] = {"before": done.measured.before, "after": done.measured.after}
    return result


def _print(done: Exported) -> None:
    edition, target = done.edition, done.target
    print(f"wrote {done.path} ({target.name}, {done.size_bytes / 1024:.0f} KB in {1000 * done.seconds:.0f} ms)")
    largest = "not a number" if edition.max_abs is None else f"{edition.max_abs:.1e}"
    if edition.status == "passed":
        print(f"largest difference from the float64 reference {largest} (allowed {edition.tolerance:.1e})")
    else:
        changed = f"{edition.changed_decisions} decisions changed on {edition.rows} rows"
        print(f"{edition.reason}: largest difference {largest}, {changed}")
    print(f"checked in {done.checked_in}")
    if done.measured:
        for name, value in done.measured.before.items():
            print(f"  {name:<24} {value:.6g} before, {done.measured.after[name]:.6g} after")
    if target.runs_code:
        print("loading it can run code: pass it on only to those who trust you")
