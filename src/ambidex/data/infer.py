"""Infers what each column of a table is, and says why."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal

import msgspec

from ambidex.data.infer_column import Typed, column_facts, type_column
from ambidex.data.infer_drop import drop_reason
from ambidex.data.table import Table, known_columns
from ambidex.errors import DataError, UsageError, expected
from ambidex.schema import Column, Role


class Inference(msgspec.Struct, frozen=True, kw_only=True):
    """The columns in table order; what was left out and why; and what the user should hear."""

    columns: tuple[Column, ...]
    dropped: dict[str, str]
    notes: tuple[str, ...]


def infer_schema_columns(
    table: Table,
    *,
    targets: Collection[str],
    roles: Mapping[str, Role] | None = None,
    overrides: Mapping[str, str] | None = None,
    drop: Collection[str] = (),
    others: Role | Literal["drop"] = "feature",
) -> Inference:
    """Types every column of the table by its values.

    `roles` are the parts that the user gave to columns (`time`, `series`, `past`, `future`, `static`, `weight`);
    columns without one play `others`. `overrides` types a column: `number`, `flag`, `category` (or `text`), `time`,
    `time:PATTERN` (as for `strptime`) or `drop`. Columns that cannot help (ids, constants, free text) are left out
    unless they have a role or an override. Raises `DataError` for columns that do not exist or cannot be typed so.
    """
    roles, overrides = dict(roles or {}), dict(overrides or {})
    _check_names(table, targets, {*roles, *overrides, *drop})
    columns, dropped, notes = [], {}, []
    for name in table.names:
        role: Role | Literal["drop"] = "target" if name in targets else roles.get(name, others)
        if role == "drop" or name in drop or overrides.get(name) == "drop":
            if name in targets:
                raise UsageError(expected("a target that is kept", got=f"{name!r} among the columns to drop"))
            dropped[name] = "left out as asked" if role != "drop" else "it has no part"
            continue
        asked = overrides.get(name, "")
        facts = column_facts(table, name, as_numbers=role not in ("time", "series") and asked in ("", "number", "flag"))
        is_free = role == others and not asked
        typed = type_column(facts, asked=asked, role=role, is_required=not is_free)
        reason = drop_reason(facts, typed) if is_free else ""
        if reason:
            dropped[name] = reason
            notes.append(f"{name} is left out: {reason}" + "".join(f" ({note})" for note in typed.notes))
            continue
        columns.append(_column(typed, role))
        notes += [f"{name}: {note}" for note in typed.notes]
    return Inference(columns=tuple(columns), dropped=dropped, notes=tuple(notes))


def _check_names(table: Table, targets: Collection[str], others: Collection[str]) -> None:
    for name in (*targets, *sorted(others)):
        if name not in table:
            what = "target" if name in targets else "column"
            fix = known_columns(table, name)
            raise DataError(expected(f"a {what} that is in the table", got=repr(name), fix=fix), where=name)


def _column(typed: Typed, role: Role) -> Column:
    return msgspec.structs.replace(typed.column, role=role)
