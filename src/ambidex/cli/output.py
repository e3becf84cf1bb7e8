"""How commands speak: results on standard output, everything else on standard error."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any


def add_output_arguments(parser: argparse.ArgumentParser) -> None:
    """`--json` and `--quiet`, which every command has."""
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object on standard output, nothing else there"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress and no notes on standard error")


def print_json(result: object) -> None:
    """One JSON object on standard output; numbers that JSON cannot hold become null."""
    print(json.dumps(_plain(result), ensure_ascii=False, allow_nan=False))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value


def note(text: str, *, is_quiet: bool = False) -> None:
    """A line for a person, on standard error."""
    if not is_quiet:
        print(text, file=sys.stderr, flush=True)


def print_measures(metrics: dict[str, float], baselines: dict[str, dict[str, float]]) -> None:
    """Measures beside baselines as a small table."""
    names = [name for name in metrics if ":" not in name]
    heads = ["model", *baselines]
    width = max(map(len, names), default=0)
    print(" " * width + "".join(f"{head:>16}" for head in heads))
    for name in names:
        values = [metrics[name], *(baseline.get(name) for baseline in baselines.values())]
        print(name.ljust(width) + "".join(f"{'' if value is None else format(value, '.5g'):>16}" for value in values))


def print_editions(editions: dict[str, Any]) -> None:
    """The certificate, a line per edition."""
    for name, edition in editions.items():
        if edition.status == "not_run":
            print(f"  {name:<12} not run: {edition.reason}")
            continue
        size = (
            ""
            if edition.max_abs is None
            else f"largest difference {edition.max_abs:.1e} (allowed {edition.tolerance:.1e})"
        )
        tail = f", {edition.changed_decisions} decisions changed, {edition.rows} rows"
        print(f"  {name:<12} {edition.status}: {size or edition.reason}{tail if size else ''}")
