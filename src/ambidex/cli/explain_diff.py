"""Say why two models differ: settings, defaults and weights that matter, with the size of each effect.

Each difference is applied alone to the first model, on the rows of its certificate or on those of --data, and what
changes in its answers is measured in float64. Instead of artifacts, A and B may be networks that Python files make,
as file.py:name, where the name is a torch.nn.Module, a keras.Model, or a function that returns one. Reading such a file
runs it, in a process of its own, and needs --trust.

Examples:
  ambidex explain-diff monday.ambidex tuesday.ambidex
  ambidex explain-diff monday.ambidex tuesday.ambidex --data new.csv --json
  ambidex explain-diff mine.py:Net theirs.py:build_model --trust --data rows.npy
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ambidex.cli.output import add_output_arguments, print_json

if TYPE_CHECKING:
    from ambidex.exchange.record import Explanation

OF_TRAINING = ("training", "init", "data", "precision")
"""Kinds that act on training alone; any other without an effect could not be measured."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `explain-diff`."""
    parser.add_argument("a", metavar="A", help="FILE.ambidex, or file.py:name")
    parser.add_argument("b", metavar="B", help="the same")
    parser.add_argument("--data", metavar="FILE", help="rows to measure effects on; for networks also an .npy")
    parser.add_argument("--by", metavar="HOW", default="order", help="networks: pair layers by order, or by name")
    parser.add_argument("--trust", action="store_true", help="run the Python files that are named")
    add_output_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Runs the command."""
    import msgspec

    explanation = _of_scripts(args) if ".py:" in f"{args.a} {args.b}" else _of_artifacts(args)
    if args.json:
        print_json(msgspec.to_builtins(explanation))
    else:
        _print(explanation)
    return 0


def _of_scripts(args: argparse.Namespace) -> Explanation:
    from ambidex.errors import UsageError, expected
    from ambidex.exchange.script import Told
    from ambidex.exchange.script import run as compare

    if not args.trust:
        fix = "Reading a Python file runs it: pass --trust if you know what is in it."
        raise UsageError(expected("artifacts", got="a Python file", where="--trust", fix=fix), where="--trust")
    return compare(Told(a=args.a, b=args.b, data=args.data or "", by=args.by))


def _of_artifacts(args: argparse.Namespace) -> Explanation:
    from ambidex.data.read import read_table
    from ambidex.exchange.artifacts import explain_artifacts
    from ambidex.workflow.load import load

    table = read_table(args.data) if args.data else None
    return explain_artifacts(load(args.a), load(args.b), table)


def _print(explanation: Explanation) -> None:
    print(f"A {explanation.a}\nB {explanation.b}\n")
    if explanation.max_difference is None:
        print(
            f"on {explanation.rows} rows: not comparable as a whole, since they take other columns or end differently"
        )
    else:
        mean = f"mean {explanation.mean_difference:.2e}"
        print(f"on {explanation.rows} rows: answers differ by at most {explanation.max_difference:.2e}, {mean}")
    if not explanation.differences:
        print("nothing differs")
        return
    print("\nchange of A's answers, with B's side of each difference alone\n")
    for one in explanation.differences:
        unmeasured = "training only" if one.kind in OF_TRAINING else "not measurable"
        size = unmeasured if one.effect is None else f"{one.effect:.2e}"
        sides = f"{one.a} → {one.b}" if one.a or one.b else ""
        print(f"  {size:>14}  {one.kind:<14} {one.where}  {sides}")
        if one.why:
            print(f"  {'':>14}  {'':<14} {one.why}")
