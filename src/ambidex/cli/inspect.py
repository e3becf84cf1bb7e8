"""Show what is in a model's file, after checking that nothing inside can run.

Example:
  ambidex inspect adult.ambidex
"""

from __future__ import annotations

import argparse
from typing import Any

from ambidex.cli.output import add_output_arguments, print_editions, print_json, print_measures


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `inspect`."""
    parser.add_argument("model", metavar="FILE.ambidex")
    parser.add_argument("--card", action="store_true", help="print the model card and nothing else")
    add_output_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Runs the command."""
    from ambidex.workflow.inspect import inspect
    from ambidex.workflow.load import load

    artifact = load(args.model)
    if args.card:
        print(artifact.card)
        return 0
    facts = inspect(artifact)
    if args.json:
        print_json(facts)
        return 0
    _print_facts(artifact, facts)
    return 0


def _print_facts(artifact: Any, facts: dict[str, Any]) -> None:
    print(f"{facts['path']}: {facts['task']['kind']} of {', '.join(facts['targets'])} by {facts['model']}")
    made = facts["made_by"]
    size_kb = facts["size_bytes"] / 1024
    print(f"format {facts['format']}, {size_kb:.0f} KB, made by ambidex {made['ambidex']} ({made['backend']})")
    print("\nsafe to read: " + "; ".join(facts["safety"]))
    print("\nentries")
    for name, entry in facts["entries"].items():
        print(f"  {name:<22} {entry['size_bytes']:>10} bytes  sha256 {entry['sha256'][:16]}…")
    print("\ncolumns")
    for column in facts["columns"]:
        print(f"  {column['name']:<22} {column['kind']:<7} {column['role']:<8} {column['reason']}")
    if facts["imported_from"]:
        print(f"\nimported from {facts['imported_from']}")
    else:
        print(f"\nnetwork: {facts['parameters']} weights")
        for node in facts["network"]:
            print(f"  {node['name']:<26} {node['op']:<12} {node['shape']}")
        print("\nvalidation")
        print_measures(facts["metrics"], facts["baselines"])
    print("\ncertificate")
    print_editions(artifact.certificate.editions)
