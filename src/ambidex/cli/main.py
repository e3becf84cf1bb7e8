"""`ambidex COMMAND`: finds the command, runs it, and turns what goes wrong into one message and an exit status."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from typing import NoReturn

from ambidex._version import __version__
from ambidex.cli.stop import interruptible
from ambidex.errors import AmbidexError

COMMANDS: dict[str, tuple[str, str]] = {
    "train": ("ambidex.cli.train", "train a model on a table or a series, certify it, write OUT.ambidex"),
    "predict": ("ambidex.cli.predict", "predict the rows of a table, or the next steps of series"),
    "evaluate": ("ambidex.cli.evaluate", "measure a model on data whose answers are known"),
    "export": ("ambidex.cli.export", "write a model in another format, checked in its own runtime"),
    "eject": ("ambidex.cli.eject", "write a model as plain PyTorch or Keras source"),
    "targets": ("ambidex.cli.targets", "list the formats, what each needs and what survives in it"),
    "serve": ("ambidex.cli.serve", "answer requests over HTTP"),
    "import": ("ambidex.cli.import_model", "turn a model of another library into an artifact"),
    "inspect": ("ambidex.cli.inspect", "show what is in a model's file"),
    "compare": ("ambidex.cli.compare", "measure the frameworks side by side on your data"),
    "advise": ("ambidex.cli.advise", "which backend and target for this case, with the evidence"),
    "verify": ("ambidex.cli.verify", "check a model's file and its certificate again"),
    "explain-diff": ("ambidex.cli.explain_diff", "say why two models differ, with the size of each effect"),
    "models": ("ambidex.cli.models", "list the architectures and when to use them"),
}
"""Name to module and line of help. A command's module has `add_arguments(parser)` and `run(args) -> int`."""


class Parser(argparse.ArgumentParser):
    """A parser whose mistakes read like all other messages."""

    def error(self, message: str) -> NoReturn:
        """Raises `UsageError` instead of printing the whole usage."""
        from ambidex.errors import UsageError

        raise UsageError(f"{message[:1].upper()}{message[1:].rstrip('.')}. See {self.prog} --help.")


def main(argv: list[str] | None = None) -> int:
    """Runs one command; returns its exit status: 0, 2 for what the user can mend, 1 where the work failed."""
    given = sys.argv[1:] if argv is None else argv
    try:
        return _run(given)
    except AmbidexError as error:
        return fail(error, is_json="--json" in given)
    except KeyboardInterrupt:
        print("ambidex: stopped", file=sys.stderr)
        return 1
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except MemoryError:
        print("ambidex: expected enough memory, got none left. Use fewer rows or a smaller model.", file=sys.stderr)
        return 1


def _run(given: list[str]) -> int:
    name = next((word for word in given if not word.startswith("-")), "")
    if name not in COMMANDS:
        return _without_command(given, name)
    module = import_module(COMMANDS[name][0])
    parser = Parser(
        prog=f"ambidex {name}",
        description=module.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    module.add_arguments(parser)
    rest = list(given)
    rest.remove(name)
    args = parser.parse_args(rest)
    with interruptible():
        status: int = module.run(args)
    return status


def _without_command(given: list[str], name: str) -> int:
    if "--version" in given:
        print(f"ambidex {__version__}")
        return 0
    if name:
        from ambidex.errors import UsageError, expected, one_of

        raise UsageError(expected(f"a command, {one_of(COMMANDS, name)}", got=repr(name)))
    print(_overview())
    return 0 if {"-h", "--help"} & set(given) else 2


def _overview() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name.ljust(width)}  {text}" for name, (_, text) in COMMANDS.items()]
    return "\n".join(
        [
            "usage: ambidex COMMAND …",
            "",
            "One model, either framework, checked on your rows, served with neither.",
            "",
            *lines,
            "",
            "ambidex COMMAND --help explains each with an example; ambidex --version.",
        ]
    )


def fail(error: AmbidexError, *, is_json: bool) -> int:
    """Says what went wrong: one message on standard error, and as JSON on standard output where asked."""
    print(f"ambidex: {error.message}", file=sys.stderr)
    if is_json:
        import json

        body = {"code": error.code, "message": error.message, "where": error.where}
        print(json.dumps({"error": body}, ensure_ascii=False))
    return error.exit_status


if __name__ == "__main__":
    sys.exit(main())
