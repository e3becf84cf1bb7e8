"""From what a user gave, in any of three ways, to a checked experiment."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from ambidex.arch.architecture import Settings
from ambidex.arch.table import find_model
from ambidex.config.experiment import Experiment, Series
from ambidex.config.meaning import check_horizon, check_meaning
from ambidex.config.mistake import choices, mistake
from ambidex.errors import InputFileError, UsageError, expected, one_of
from ambidex.training.defaults import default_plan
from ambidex.training.plan import Optimizer, Plan

RECORDS: dict[str, type[msgspec.Struct]] = {
    "": Experiment,
    "series.": Series,
    "plan.": Plan,
    "plan.optimizer.": Optimizer,
}


COLUMNS = "columns."
EARLY = frozenset({"model", "task", "horizon", "series.horizon"})
"""What decides the architecture, whose own settings the other assignments may name."""


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """What the user wrote: a TOML file, values by dotted path, and `key=value` texts, later ones first in rank."""

    values: Mapping[str, Any] = {}
    assignments: Sequence[str] = ()
    file: str = ""


def resolve(given: Given) -> Experiment:
    """The experiment; defaults of the chosen model fill what was not said. Raises `UsageError` naming the field."""
    tree: dict[str, Any] = _read_toml(given.file) if given.file else {}
    for path, value in given.values.items():
        _put(tree, path, value)
    for text in given.assignments:
        if text.partition("=")[0].strip() not in EARLY:
            continue
        _assign(tree, text, Settings)
    architecture = find_model(str(tree.get("model", "auto")), _domain(tree))
    for text in given.assignments:
        _assign(tree, text, architecture.settings)
    tree["plan"] = _merge(msgspec.to_builtins(default_plan(architecture.name)), tree.get("plan", {}))
    tree["model"] = architecture.name
    experiment: Experiment = _convert(tree, Experiment)
    settings = _convert(experiment.settings, architecture.settings, "settings.")
    check_horizon(tree, experiment)
    check_meaning(experiment)
    return msgspec.structs.replace(experiment, settings=msgspec.to_builtins(settings))


def _domain(tree: Mapping[str, Any]) -> str:
    series = tree.get("series")
    horizon = series.get("horizon", 0) if isinstance(series, dict) else 0
    return "series" if tree.get("task") == "forecast" or (tree.get("task", "auto") == "auto" and horizon) else "table"


def _read_toml(path: str) -> dict[str, Any]:
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        message = expected("a TOML file to read", got=error.strerror or str(error), where=path)
        raise InputFileError(message, where=path) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(expected("TOML", got=str(error), where=path), where=path) from None


def _put(tree: dict[str, Any], path: str, value: Any) -> None:
    """Sets a value; the name of a column, after `columns.`, may hold dots."""
    front, _, last = path.rpartition(".") if not path.startswith(COLUMNS) else path.partition(".")
    for key in front.split(".") if front else []:
        tree = tree.setdefault(key, {})
        if not isinstance(tree, dict):
            raise UsageError(expected("fields", got=repr(tree), where=front), where=front)
    tree[last] = value


def _merge(below: Any, above: Any) -> Any:
    """`above` with what it leaves out taken from `below`."""
    if not isinstance(below, dict) or not isinstance(above, dict):
        return above
    return below | {key: _merge(below.get(key), value) for key, value in above.items()}


def _assign(tree: dict[str, Any], text: str, settings: type[msgspec.Struct]) -> None:
    """Puts `key=value` where it belongs: a dotted path, or a field's own name where only one record has it."""
    key, sign, written = text.partition("=")
    if not sign:
        raise UsageError(expected("key=value", got=repr(text), where="--set"), where="--set")
    path, field = _find(key.strip(), settings)
    _put(tree, path, _read_value(written.strip(), field, path))


def _find(key: str, settings: type[msgspec.Struct]) -> tuple[str, Any]:
    known = {
        prefix + field.name: field.type
        for prefix, record in {**RECORDS, "settings.": settings}.items()
        for field in msgspec.structs.fields(record)
    }
    if key in known:
        return key, known[key]
    if key.startswith(COLUMNS):
        return key, str
    matches = [path for path in known if path.rpartition(".")[2] == key]
    if len(matches) == 1:
        return matches[0], known[matches[0]]
    if matches:
        message = expected(f"one of {', '.join(matches)}", got=repr(key), where="--set")
    else:
        leaves = sorted({path.rpartition(".")[2] for path in known})
        message = expected(one_of(leaves, key), got=f"field {key!r}", where="--set")
    raise UsageError(message, where="--set")


def _read_value(written: str, field: Any, path: str) -> Any:
    """The text as the field's type takes it: JSON, a plain word, or words between commas."""
    candidates: list[Any] = [written, [part.strip() for part in written.split(",") if part.strip()]]
    with suppress(msgspec.DecodeError):
        candidates.insert(0, msgspec.json.decode(written.encode()))
    problem = ""
    for candidate in candidates:
        try:
            return msgspec.to_builtins(msgspec.convert(candidate, field, strict=False))
        except msgspec.ValidationError as error:
            problem = problem or str(error).partition(", got ")[0].partition(" - at ")[0]
    names = choices(msgspec.inspect.type_info(field))
    what = one_of(names, written) if names else problem.removeprefix("Expected ")
    raise UsageError(expected(what, got=repr(written), where=f"--set {path}"), where=f"--set {path}")


def _convert(value: Any, record: type[Any], prefix: str = "") -> Any:
    try:
        return msgspec.convert(value, record, strict=False)
    except msgspec.ValidationError as error:
        raise mistake(error, value, record, prefix) from None
