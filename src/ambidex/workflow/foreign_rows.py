"""The rows that a foreign model is judged on, and the original's answers to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from ambidex.data.encode import encode_column, pack, require_columns
from ambidex.data.infer_column import column_facts, type_column
from ambidex.data.table import Table
from ambidex.errors import DataError, expected
from ambidex.ingest.foreign import Answers, Foreign, ModelRefusedError
from ambidex.schema import Column, Schema, Target, Task, packed_layout
from ambidex.workflow.cases import BATCHES, awkward_rows, pick_rows

Array = npt.NDArray[Any]
Arrays = dict[str, Array]
SYNTHETIC_ROWS = 256
SLACK = 1e-3
SCALES = (0.1, 1.0, 10.0, 100.0)
"""Standard deviations of made-up numbers: nobody has said what the columns look like."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """Packed batches (the first holds the rows themselves), the original's outputs by public name, and remarks."""

    cases: Sequence[Arrays]
    answers: Sequence[Arrays]
    notes: tuple[str, ...]


def foreign_schema(foreign: Foreign, table: Table | None, target: str) -> Schema:
    """The columns as the table shows them, all numbers without one. Raises `DataError` for a column that is absent."""
    if target in foreign.columns:
        fix = "Name the answer with --target."
        raise DataError(expected("a target that is no column", got=repr(target), fix=fix), where="--target")
    columns = [Column(name=name, kind="number") for name in foreign.columns]
    if table is not None:
        require_columns(table, foreign.columns)
        columns = [_column(table, name) for name in foreign.columns]
    is_text = bool(foreign.classes) and isinstance(foreign.classes[0], str)
    columns.append(Column(name=target, kind="text" if is_text else "number", role="target"))
    kind = "regression" if not foreign.classes else "binary" if len(foreign.classes) == 2 else "multiclass"
    task = Task(kind=kind, targets=(Target(name=target, classes=foreign.classes),))  # type: ignore[arg-type]
    return Schema(columns=tuple(columns), task=task)


def _column(table: Table, name: str) -> Column:
    facts = column_facts(table, name, as_numbers=True)
    column = type_column(facts, asked="", role="feature", is_required=True).column
    if column.kind == "time":
        fix = "Turn it into numbers before the model."
        raise ModelRefusedError(expected("columns of numbers or texts", got="times", where=name, fix=fix))
    return msgspec.structs.replace(column, role="feature")


def judged(foreign: Foreign, schema: Schema, table: Table | None, seed: int) -> Judged:
    """Rows, awkward rows that the original takes, and small batches, with what the original says to each.

    Raises `DataError` where the original refuses the rows themselves.
    """
    rows = pick_rows(pack(schema, table), seed) if table is not None else synthetic_numbers(len(foreign.columns), seed)
    if len(next(iter(rows.values()))) == 0:
        raise DataError(expected("at least one row to judge the model on", got="none"))
    cases, answers = [rows], [ask(foreign, schema, rows)]
    _check_answers(answers[0])
    awkward, refused = _accepted(foreign, schema, awkward_rows(schema, rows))
    if awkward is not None:
        cases.append(awkward)
        answers.append(ask(foreign, schema, awkward))
    for size in BATCHES:
        cases.append({name: array[:size] for name, array in rows.items()})
        answers.append({name: array[:size] for name, array in answers[0].items()})
    notes = [] if table is not None else ["No data was given: the certificate is on numbers that were made up."]
    if refused:
        notes.append(f"The original refuses missing or unseen values ({refused}); this model answers all the same.")
    return Judged(cases=cases, answers=answers, notes=tuple(notes))


def synthetic_numbers(count: int, seed: int) -> Arrays:
    """Normal numbers, (256, count) float64, of several scales."""
    rng = np.random.default_rng([seed, 0x666F72])  # "for"
    scale = rng.choice(SCALES, (SYNTHETIC_ROWS, 1))
    return {"numbers": rng.normal(size=(SYNTHETIC_ROWS, count)) * scale}


def ask(foreign: Foreign, schema: Schema, packed: Mapping[str, Array]) -> Arrays:
    """The original's outputs for packed rows, under the names an artifact gives them."""
    found: Answers = foreign.answer(unpacked(schema, packed))
    target = schema.task.targets[0]
    if found.probabilities is None:
        return {target.name: found.values}
    return {target.name: found.values, f"{target.name}_probabilities": found.probabilities}


def unpacked(schema: Schema, packed: Mapping[str, Array]) -> Arrays:
    """Packed inputs as one array (B,) per column, in the schema's order."""
    found = {
        column.name: packed[layout.name][:, position]
        for layout in packed_layout(schema)
        for position, column in enumerate(layout.columns)
    }
    return {column.name: found[column.name] for column in schema.by_role("feature")}


def _accepted(foreign: Foreign, schema: Schema, awkward: Arrays) -> tuple[Arrays | None, str]:
    """The awkward rows that the original answers, one by one, and its first complaint about the others."""
    count = len(next(iter(awkward.values())))
    kept, complaint = [], ""
    for position in range(count):
        row = {name: array[position : position + 1] for name, array in awkward.items()}
        try:
            if _is_finite(ask(foreign, schema, row)):
                kept.append(position)
        except DataError as error:
            complaint = complaint or error.message.partition(", got ")[2].rstrip(".")
    if not kept:
        return None, complaint
    return {name: array[kept] for name, array in awkward.items()}, complaint


def _check_answers(outputs: Arrays) -> None:
    if not _is_finite(outputs):
        raise DataError(expected("finite answers of the original", got="others", where="its own rows"))
    for name, shares in outputs.items():
        if shares.ndim == 2 and (shares.min() < 0 or abs(shares.sum(axis=1) - 1).max() > SLACK):
            fix = "End the model with softmax or sigmoid."
            got = f"numbers from {shares.min():.3g} whose sum is up to {shares.sum(axis=1).max():.3g}"
            raise ModelRefusedError(expected(f"probabilities that add up to 1 in {name}", got=got, fix=fix))


def _is_finite(outputs: Arrays) -> bool:
    return all(bool(np.isfinite(array).all()) for array in outputs.values() if array.dtype.kind == "f")


def known_answers(schema: Schema, table: Table | None) -> Array | None:
    """The target's values in the table, where it has that column."""
    column = schema.by_role("target")[0]
    if table is None or column.name not in table:
        return None
    return encode_column(column, table)
