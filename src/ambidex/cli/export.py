"""Write a model in another format, checked beside the float64 reference before the file appears.

targets:
  onnx    one file with one input per column under its name, and preprocessing, network and decoding inside

Examples:
  ambidex export adult.ambidex --to onnx -o adult.onnx
  ambidex export adult.ambidex --to onnx --packed -o adult.onnx
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ambidex.cli.output import add_output_arguments, print_json

TARGETS: tuple[str, ...] = ("onnx",)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `export`."""
    parser.add_argument("model", metavar="FILE.ambidex")
    parser.add_argument("--to", required=True, metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("-o", "--output", required=True, metavar="OUT")
    parser.add_argument("--packed", action="store_true", help="onnx: one input per kind (numbers, texts, times)")
    parser.add_argument("--float32-inputs", action="store_true", help="onnx: numbers enter as float32")
    add_output_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Runs the command."""
    from ambidex.errors import UsageError, expected, one_of
    from ambidex.workflow.export import export_to_onnx
    from ambidex.workflow.load import load
    from ambidex.workflow.train import edition_summary

    if args.to not in TARGETS:
        raise UsageError(
            expected(f"a target, {one_of(TARGETS, args.to)}", got=repr(args.to), where="--to"), where="--to"
        )
    done = export_to_onnx(
        load(args.model), Path(args.output), is_packed=args.packed, float32_inputs=args.float32_inputs
    )
    result = {
        "output": str(done.path),
        "target": args.to,
        "seconds": round(done.seconds, 4),
        "size_bytes": done.size_bytes,
        "certificate": edition_summary(done.edition),
    }
    if args.json:
        print_json(result)
        return 0
    edition = done.edition
    print(f"wrote {done.path} ({done.size_bytes / 1024:.0f} KB in {1000 * done.seconds:.0f} ms)")
    print(f"largest difference from the float64 reference {edition.max_abs:.1e} (allowed {edition.tolerance:.1e})")
    return 0
