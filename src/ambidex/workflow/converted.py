"""A foreign model as ONNX with rows and the original's answers, and how that travels between processes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ambidex.backends.source import Arrays, read_arrays, write_arrays
from ambidex.data.table import Table
from ambidex.ingest.foreign import PRECISIONS, Foreign, Kinds, ModelRefusedError, PrecisionRefusedError
from ambidex.ingest.packing import pack_model
from ambidex.schema import Schema
from ambidex.workflow.foreign_rows import foreign_schema, judged

SEED = 0


@dataclass(frozen=True, kw_only=True)
class Converted:
    """`models` are packed conversions in the order in which they are tried; `refusals` say why there are no others.

    `cases` are packed batches, the first the rows themselves; `answers` what the original says to each.
    """

    origin: str
    schema: Schema
    notes: tuple[str, ...]
    refusals: tuple[str, ...]
    models: Sequence[bytes]
    cases: Sequence[Arrays]
    answers: Sequence[Arrays]


class _Words(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The part that is neither arrays nor models."""

    origin: str
    schema: Schema
    notes: tuple[str, ...]
    refusals: tuple[str, ...]


def convert(foreign: Foreign, table: Table | None, target: str) -> Converted:
    """Asks the original for its answers and converts it in every precision that it has."""
    schema = foreign_schema(foreign, table, target)
    done = judged(foreign, schema, table, SEED)
    columns = {column.name: column for column in schema.by_role("feature")}
    kinds: Kinds = {name: "text" if columns[name].kind == "text" else "number" for name in foreign.columns}
    models, refusals = [], []
    for precision in PRECISIONS:
        try:
            models.append(pack_model(foreign.convert(kinds, precision), kinds, schema.task.targets[0]))
        except PrecisionRefusedError:
            continue
        except ModelRefusedError as error:
            refusals.append(error.message)
    return Converted(
        origin=foreign.origin,
        schema=schema,
        notes=done.notes,
        refusals=tuple(refusals),
        models=models,
        cases=done.cases,
        answers=done.answers,
    )


def write_converted(folder: Path, converted: Converted) -> None:
    """Writes everything as plain data: JSON, `.npz` and ONNX."""
    words = _Words(origin=converted.origin, schema=converted.schema, notes=converted.notes, refusals=converted.refusals)
    (folder / "words.json").write_bytes(msgspec.json.encode(words))
    for number, model in enumerate(converted.models):
        (folder / f"{number}.onnx").write_bytes(model)
    for number, (case, answers) in enumerate(zip(converted.cases, converted.answers, strict=True)):
        write_arrays(folder / f"case-{number}.npz", case)
        write_arrays(folder / f"answer-{number}.npz", answers)


def read_converted(folder: Path) -> Converted:
    """What `write_converted` wrote there."""
    words = msgspec.json.decode((folder / "words.json").read_bytes(), type=_Words)
    count = len(list(folder.glob("case-*.npz")))
    return Converted(
        origin=words.origin,
        schema=words.schema,
        notes=words.notes,
        refusals=words.refusals,
        models=[path.read_bytes() for path in sorted(folder.glob("*.onnx"))],
        cases=[read_arrays(folder / f"case-{number}.npz") for number in range(count)],
        answers=[read_arrays(folder / f"answer-{number}.npz") for number in range(count)],
    )
