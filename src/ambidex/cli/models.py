"""List the architectures and when to use them.

Example:
  ambidex models
"""

from __future__ import annotations

import argparse

from ambidex.cli.output import add_output_arguments, print_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `models`."""
    add_output_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Runs the command."""
    import msgspec

    from ambidex.arch.table import AUTO, MODELS

    listed = [
        {
            "name": model.name,
            "for": model.domain,
            "summary": model.summary,
            "is_default": model.name in AUTO.values(),
            "settings": {field.name: field.default for field in msgspec.structs.fields(model.settings)},
        }
        for model in MODELS.values()
    ]
    if args.json:
        print_json({"models": listed})
        return 0
    for model in listed:
        star = " (auto)" if model["is_default"] else ""
        print(f"{model['name']:<12} {model['for']:<7} {model['summary']}{star}")
        for name, value in model["settings"].items():  # type: ignore[attr-defined]
            written = ",".join(map(str, value)) if isinstance(value, tuple) else value
            print(f"{'':<20} --set {name}={written}")
    return 0
