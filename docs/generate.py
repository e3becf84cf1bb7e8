"""Writes the pages that say what the code says: `python docs/generate.py` (with --check: fails where one is stale).

`commands.md` comes from the flags of every command, `experiment.md` from the records of an experiment, and the
table in `targets.md` from that of the targets.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect

from ambidex.arch.table import AUTO, MODELS
from ambidex.cli.main import COMMANDS
from ambidex.cli.train import PATHS, add_arguments
from ambidex.config import Experiment, Series
from ambidex.export.table import TARGETS
from ambidex.training.defaults import default_plan
from ambidex.training.plan import Optimizer, Plan

HERE = Path(__file__).resolve().parent
NOTICE = "<!-- Written by docs/generate.py: change the code, then run `python docs/generate.py`. -->"

RECORDS: dict[str, tuple[type[msgspec.Struct], str]] = {
    "": (Experiment, "What is trained, on what"),
    "series.": (Series, "Series only"),
    "plan.": (Plan, "How it is trained"),
    "plan.optimizer.": (Optimizer, "The update"),
}
MEANINGS: dict[str, str] = {
    "targets": "the columns to predict",
    "columns": "what a column is, by its name: number, flag, category, time, time:PATTERN or drop",
    "settings": "the architecture's own settings, below",
    "editions": "which editions the certificate runs: ONNX and every installed engine, or ONNX alone",
    "series": "the fields of `series.` below",
    "plan": "the fields of `plan.` below",
    "series.time": "the column of time stamps",
    "series.cycle": "steps after which the average level repeats (0: none; -1: from the frequency, where it helps)",
    "series.channels": "shared: each target is a series of its own through the same network; joint: all at once",
    "plan.optimizer": "the fields of `plan.optimizer.` below",
    "plan.batch_size": "rows per step (0: the power of two nearest a hundredth of the rows, from 64 to 512)",
    "plan.epoch_samples": "an epoch is this many rows, drawn anew each time (0: all)",
    "plan.schedule": "how the learning rate changes",
    "plan.warmup": "share of the steps in which the learning rate rises from zero",
    "plan.min_delta": "the relative gain that counts as a better epoch",
    "plan.seed": "initial weights, batches, dropout and splits follow from it",
    "plan.threads": "threads of the engine (0: its own choice; small nets are fastest with one)",
    "plan.record_steps": "keep the loss of every step in `training.json`",
    "plan.optimizer.learning_rate": "the step size",
    "plan.optimizer.weight_decay": "decoupled decay; biases and other vectors are left out",
    "plan.optimizer.beta1": "memory of the gradient's mean (AdamW, Adam)",
    "plan.optimizer.beta2": "memory of the gradient's square (AdamW, Adam)",
    "plan.optimizer.epsilon": "added to the root of the square",
    "plan.optimizer.momentum": "memory of the update (SGD)",
}
"""Fields whose flag says too little, or that have none."""


def main(arguments: list[str]) -> int:
    """Writes the pages, or says which are stale."""
    stale = [name for name, text in pages().items() if not is_fresh(name, text)]
    if "--check" in arguments:
        print(f"stale: {', '.join(stale)}. Run python docs/generate.py" if stale else "every page is fresh")
        return 1 if stale else 0
    for name in stale:
        (HERE / name).write_text(pages()[name], encoding="utf-8")
        print(f"wrote docs/{name}")
    return 0


def is_fresh(name: str, text: str) -> bool:
    """Whether the page on the disk is the one that the code gives."""
    path = HERE / name
    return path.exists() and path.read_text(encoding="utf-8") == text


def pages() -> dict[str, str]:
    """Every generated page by file name."""
    return {"commands.md": commands_page(), "experiment.md": experiment_page(), "targets.md": targets_page()}


# Commands


def commands_page() -> str:
    """Every command with its description and its flags."""
    lines = [
        "# Commands",
        "",
        NOTICE,
        "",
        "`ambidex COMMAND --help` says the same in a terminal, `ambidex --version` which version it is. Results go to",
        "standard output, notes and progress to standard error. Exit status: 0 success, 2 something the user can mend,",
        "1 the work itself failed ([errors.md](errors.md)).",
        "",
    ]
    for name, (module_name, summary) in COMMANDS.items():
        module = import_module(module_name)
        parser = argparse.ArgumentParser(prog=f"ambidex {name}", add_help=False)
        module.add_arguments(parser)
        lines += [f"## {name}", "", *description(summary, module.__doc__ or ""), *flags(parser), ""]
    return "\n".join(lines).rstrip() + "\n"


def description(summary: str, text: str) -> Iterable[str]:
    """The docstring of a command: prose as it is, what is indented as a block."""
    yield f"*{summary}*"
    yield ""
    is_block = False
    for line in text.strip().splitlines():
        indented = line.startswith("  ")
        if indented != is_block:
            yield "```" if is_block else "```text"
            is_block = indented
        yield line[2:] if indented else line
    if is_block:
        yield "```"
    yield ""


def flags(parser: argparse.ArgumentParser) -> Iterable[str]:
    """The arguments of a parser, a table per group."""
    yield "| argument | what |"
    yield "|---|---|"
    for action in parser._actions:  # noqa: SLF001 - argparse has no other list of them
        value = action.metavar if isinstance(action.metavar, str) else action.dest.upper()
        names = ", ".join(action.option_strings)
        takes_value = action.nargs != 0
        shown = f"{names} {value}" if names and takes_value else names or value
        default = action.default if takes_value and names and action.default not in (None, "", []) else None
        text = (action.help or "") + (f" (default: {default})" if default is not None else "")
        yield f"| `{cell(shown)}` | {cell(text)} |"


# Targets


def targets_page() -> str:
    """The page as it is, with the table of targets between its two marks written anew."""
    before, mark, rest = re.split(r"(<!-- targets: .*? -->\n)", (HERE / "targets.md").read_text(encoding="utf-8"))
    lines = ["| target | what | strings | batch | time | code | needs | `--for` | state |", "|" + "---|" * 9]
    for target in TARGETS.values():
        yes = ["yes" if holds else "no" for holds in (target.strings, target.free_batch, target.free_time)]
        code = "yes" if target.runs_code else "no"
        places = ", ".join(f"`{place}`" for place in target.destinations)
        state = f"{target.state} ({target.as_of})"
        cells = [f"`{target.name}`", target.summary, *yes, code, f"`{target.needs}`", places, state]
        lines.append(f"| {' | '.join(map(cell, cells))} |")
    table = "\n".join(["", *lines, "", ""])
    return before + mark + table + rest[rest.index("<!-- /targets -->") :]


# The experiment


def experiment_page() -> str:
    """Every field of the experiment, and the settings of every architecture."""
    lines = [
        "# The experiment",
        "",
        NOTICE,
        "",
        "Everything that decides what `ambidex train` does is one record. Each field comes from one of four places, of",
        "which the later wins: a default of the model, a TOML file (`--config FILE.toml`), a flag, `--set KEY=VALUE`.",
        "`KEY` is the dotted name below, or its last part alone where only one field ends with it. The record is kept",
        "in the artifact (`training.json`), so a model says how it was made.",
        "",
        "```toml",
        "# adult.toml",
        'targets = ["income"]',
        'drop = ["uci_split"]',
        'model = "mlp"',
        "[settings]",
        "hidden = [128, 64]",
        "[plan]",
        "epochs = 20",
        "[plan.optimizer]",
        "learning_rate = 0.002",
        "```",
        "",
        "```text",
        "ambidex train adult.csv.gz --config adult.toml --set dropout=0.2 --set columns.age=number -o adult.ambidex",
        "```",
        "",
    ]
    helps = flag_helps()
    for prefix, (record, title) in RECORDS.items():
        lines += [f"## {title}", "", "| key | values | default | flag | what |", "|---|---|---|---|---|"]
        lines += [field_row(prefix, field, helps) for field in inspect.type_info(record).fields]  # type: ignore[attr-defined]
        lines.append("")
    lines += ["## Settings of each architecture", ""]
    for model in MODELS.values():
        lines += [*model_section(model), ""]
    return "\n".join(lines).rstrip() + "\n"


def flag_helps() -> dict[str, tuple[str, str]]:
    """Flag and help by the path of the field that it sets."""
    parser = argparse.ArgumentParser(add_help=False)
    add_arguments(parser)
    by_name = {action.dest: action for action in parser._actions}  # noqa: SLF001 - as above
    return {path: (by_name[name].option_strings[-1], by_name[name].help or "") for name, path in PATHS.items()}


def field_row(prefix: str, field: Any, helps: dict[str, tuple[str, str]]) -> str:
    """One field. Raises `KeyError` where nobody says what it means."""
    path = prefix + field.name
    flag, text = helps.get(path, ("", ""))
    text = MEANINGS.get(path) or text or MEANINGS[path]
    flag_cell = f"`{flag}`" if flag else ""
    return f"| `{path}` | {cell(type_words(field.type))} | {default_words(field)} | {flag_cell} | {cell(text)} |"


def model_section(model: Any) -> Iterable[str]:
    """An architecture: when to use it, its settings, and how its plan differs from the general one."""
    is_auto = model.name in AUTO.values()
    yield f"### {model.name} ({model.domain}{', the default' if is_auto else ''})"
    yield ""
    yield model.summary
    yield ""
    fields = inspect.type_info(model.settings).fields  # type: ignore[attr-defined]
    if fields:
        yield "| key | values | default |"
        yield "|---|---|---|"
        for field in fields:
            yield f"| `settings.{field.name}` | {cell(type_words(field.type))} | {default_words(field)} |"
    else:
        yield "Nothing to set."
    changes = ", ".join(f"`{path}={value}`" for path, value in plan_changes(model.name))
    if changes:
        yield ""
        yield f"Trained with {changes} unless said otherwise."


def plan_changes(name: str) -> Iterable[tuple[str, Any]]:
    """Where a model's plan differs from the record's defaults, by dotted path."""
    plan = default_plan(name)
    for field in msgspec.structs.fields(Plan):
        value = getattr(plan, field.name)
        if isinstance(value, Optimizer):
            for part in msgspec.structs.fields(Optimizer):
                if getattr(value, part.name) != part.default:
                    yield f"plan.optimizer.{part.name}", getattr(value, part.name)
        elif value != field.default:
            yield f"plan.{field.name}", value


# Words


def type_words(kind: Any) -> str:
    """A type as a reader of the page would say it."""
    if isinstance(kind, inspect.LiteralType):
        return ", ".join(f"`{value}`" for value in kind.values)
    if isinstance(kind, inspect.UnionType):
        return " or ".join(dict.fromkeys(type_words(part) for part in kind.types))
    if isinstance(kind, (inspect.VarTupleType, inspect.ListType)):
        return f"{type_words(kind.item_type)}, several with commas"
    if isinstance(kind, inspect.StructType):
        return "fields"
    if isinstance(kind, inspect.DictType):
        return "table"
    if isinstance(kind, inspect.BoolType):
        return "`true`, `false`"
    if isinstance(kind, (inspect.IntType, inspect.FloatType)):
        word = "whole number" if isinstance(kind, inspect.IntType) else "number"
        return " ".join(part for part in (word, range_words(kind)) if part)
    return "text"


def range_words(kind: Any) -> str:
    """The bounds of a number."""
    parts = [("≥", kind.ge), (">", kind.gt), ("≤", kind.le), ("<", kind.lt)]
    return ", ".join(f"{sign} {value:g}" for sign, value in parts if value is not None)


def default_words(field: Any) -> str:
    """A default as it is written after `--set key=`; nothing where it is empty."""
    value = field.default
    if field.required:
        return "required"
    if value is msgspec.NODEFAULT or isinstance(value, msgspec.Struct) or value in ("", (), {}):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return f"`{','.join(map(str, value))}`"
    return f"`{value}`"


def cell(text: str) -> str:
    """Text inside a table."""
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
