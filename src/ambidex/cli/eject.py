"""Write a model as plain PyTorch or Keras source with its weights, which runs without ambidex.

The folder holds one readable program (network, preparation in NumPy, the training run, prediction), the weights, a
pinned requirements.txt and a README. With --minimal it is one page: the same predictions, the run in outline.

Examples:
  ambidex eject adult.ambidex --to torch -o mine/
  ambidex eject adult.ambidex --to keras -o mine/ --minimal
"""

from __future__ import annotations

import argparse

from ambidex.cli.output import add_output_arguments, print_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `eject`."""
    parser.add_argument("model", metavar="FILE.ambidex")
    parser.add_argument("--to", required=True, metavar="FRAMEWORK", help="torch or keras")
    parser.add_argument("-o", "--output", required=True, metavar="FOLDER", help="a folder that is new or empty")
    parser.add_argument(
        "--minimal", action="store_true", help="one page: the network, its predictions, the run in outline"
    )
    add_output_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Runs the command."""
    from ambidex.eject import eject
    from ambidex.workflow.load import load

    done = eject(load(args.model), args.to, args.output, minimal=args.minimal)
    result = {
        "output": str(done.path),
        "framework": done.framework,
        "minimal": args.minimal,
        "files": list(done.files),
        "lines": done.lines,
        "notes": list(done.notes),
    }
    if args.json:
        print_json(result)
        return 0
    print(f"wrote {done.path}/: {', '.join(done.files)}")
    print(f"README.md says how to run it ({', '.join(f'{name}, {count} lines' for name, count in done.lines.items())})")
    for text in done.notes:
        print(f"note: {text}")
    return 0
