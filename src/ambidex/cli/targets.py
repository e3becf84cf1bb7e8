"""List the formats a model can be exported to: what each needs, what survives in it, and its state.

strings: texts and preparation are inside, so raw columns go in. batch, time: any number of rows, of steps. code:
loading the file can run code that is in it. `*` marks a format whose packages are installed here.

Examples:
  ambidex targets
  ambidex targets --json
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from ambidex.cli.output import add_output_arguments, print_json

if TYPE_CHECKING:
    from ambidex.export.target import Target


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `targets`."""
    add_output_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Runs the command."""
    from ambidex.export.table import TARGETS

    if args.json:
        print_json({"targets": [describe(target) for target in TARGETS.values()]})
        return 0
    print(f"  {'target':<12} {'strings':<8}{'batch':<8}{'time':<8}{'code':<6}needs")
    for target in TARGETS.values():
        print(_line(target))
        print(f"{'':15}{target.summary}")
        print(f"{'':15}{target.state} ({target.as_of})")
        print(f"{'':15}--for {', '.join(target.destinations)}")
    return 0


def describe(target: Target) -> dict[str, Any]:
    """A target as the JSON result has it."""
    from ambidex.export.run import is_installed

    return {
        "name": target.name,
        "summary": target.summary,
        "needs": target.needs,
        "installed": is_installed(target),
        "takes": target.takes,
        "strings": target.strings,
        "free_batch": target.free_batch,
        "free_time": target.free_time,
        "runs_code": target.runs_code,
        "checked_in": target.checked_in,
        "state": target.state,
        "as_of": target.as_of,
        "destinations": list(target.destinations),
        "options": [*target.options, *(name for name in target.precisions if name != "float32")],
    }


def _line(target: Target) -> str:
    from ambidex.export.run import is_installed

    star = "*" if is_installed(target) else " "
    cells = [f"{_word(holds):<8}" for holds in (target.strings, target.free_batch, target.free_time)]
    return f"{star} {target.name:<12} {''.join(cells)}{_word(target.runs_code):<6}{target.needs}"


def _word(holds: bool) -> str:
    return "yes" if holds else "no"
