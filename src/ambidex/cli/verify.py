"""Check a model's file again: hashes, the ONNX model derived anew, and the certificate here and now.

Exit status 1 where anything differs.

Examples:
  ambidex verify adult.ambidex
  ambidex verify adult.ambidex fresh.csv
"""

from __future__ import annotations

import argparse

from ambidex.cli.output import add_output_arguments, note, print_editions, print_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `verify`."""
    parser.add_argument("model", metavar="FILE.ambidex")
    parser.add_argument("data", metavar="DATA", nargs="?", help="rows to verify on; the artifact's own by default")
    add_output_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Runs the command."""
    from ambidex.data.read import read_table
    from ambidex.workflow.load import load
    from ambidex.workflow.train import edition_summary
    from ambidex.workflow.verify import verify

    artifact = load(args.model)
    verdict = verify(artifact, read_table(args.data) if args.data else None)
    if args.json:
        editions = {name: edition_summary(edition) for name, edition in verdict.editions.items()}
        print_json(
            {"holds": verdict.holds, "problems": verdict.problems, "rows": verdict.rows, "certificate": editions}
        )
    else:
        print(f"{args.model}: {'holds' if verdict.holds else 'does not hold'} on {verdict.rows} rows")
        print_editions(verdict.editions)
    for problem in verdict.problems:
        note(f"ambidex: {problem}", is_quiet=False)
    return 0 if verdict.holds else 1
