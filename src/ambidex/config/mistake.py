"""What is wrong with a value, in words: from a failed conversion to an error that names field and alternatives."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import inspect

from ambidex.errors import UsageError, expected, one_of

UNKNOWN = "Object contains unknown field "


def mistake(error: msgspec.ValidationError, value: Any, record: type[Any], prefix: str = "") -> UsageError:
    """The error for a tree of values that does not fit a record; `prefix` stands before the field's path."""
    reason, _, place = str(error).partition(" - at ")
    path = place.strip("`").removeprefix("$").removeprefix(".")
    where = prefix + path
    kind = _field(record, path)
    if reason.startswith(UNKNOWN) and isinstance(kind, inspect.StructType):
        name = reason.removeprefix(UNKNOWN).strip("`")
        where = f"{where}." if path else prefix
        message = expected(one_of([field.name for field in kind.fields], name), got=f"field {where}{name}")
        return UsageError(message, where=where + name)
    names = choices(kind)
    if names:
        given = _value(value, path)
        return UsageError(expected(one_of(names, str(given)), got=repr(given), where=where), where=where)
    where = where or "experiment"
    return UsageError(f"{reason} at {where}.", where=where)


def choices(kind: inspect.Type | None) -> list[str]:
    """The words that a field takes, if it takes a few words and nothing else."""
    if isinstance(kind, inspect.LiteralType):
        return [str(value) for value in kind.values]
    if isinstance(kind, inspect.UnionType):
        parts = [choices(part) for part in kind.types]
        return [name for part in parts for name in part] if all(parts) else []
    return []


def _field(record: type[Any], path: str) -> inspect.Type | None:
    """The type at a dotted path below a record; None where the path leaves the records."""
    kind: inspect.Type | None = inspect.type_info(record)
    for key in path.split(".") if path else []:
        fields = {field.name: field.type for field in kind.fields} if isinstance(kind, inspect.StructType) else {}
        kind = fields.get(key)
    return kind


def _value(tree: Any, path: str) -> Any:
    for key in path.split(".") if path else []:
        tree = tree[key]
    return tree
