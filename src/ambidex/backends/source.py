"""What every export is made from, and how it travels to a process of its own: a folder of plain data.

It lies below `export` because the targets of the engines, in `backends/*/targets`, take it too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np

from ambidex.graph import Graph
from ambidex.graph.op import Array
from ambidex.graph.storage import arrays_from_bytes, arrays_to_bytes
from ambidex.schema import Layout, Schema, packed_layout

Arrays = dict[str, Array]
Precision = Literal["float32", "float16", "int8"]

NUMBERS = "="
TEXTS = "'"
"""Before each name in an `.npz`, whose writer takes a few names for itself; texts are stored as JSON."""


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What can be chosen of an export. A target says which of these it understands; others are refused there.

    `packed`: one input per kind (`numbers`, `texts`, `times`) in place of one per column. `float32_inputs`: numbers
    enter as float32. `precision` is what the weights are stored in.
    """

    packed: bool = False
    float32_inputs: bool = False
    precision: Precision = "float32"


@dataclass(frozen=True, kw_only=True)
class Source:
    """A trained model as its targets see it.

    `name` is a word for folders and registries. `weights` are float32 by canonical name. `metadata` are texts about
    the model. `rows` are some packed raw rows (or windows), for input examples and warm-up.
    """

    name: str
    graph: Graph
    weights: Mapping[str, Array]
    schema: Schema
    metadata: Mapping[str, str]
    rows: Mapping[str, Array]

    @property
    def layouts(self) -> tuple[Layout, ...]:
        """Which columns make each packed input."""
        return packed_layout(self.schema)


class _Words(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The part of a source that is not arrays."""

    name: str
    graph: Graph
    schema: Schema
    metadata: dict[str, str]


def write_source(folder: Path, source: Source) -> None:
    """Writes the source into a folder that exists: `source.json`, `weights.safetensors`, `rows.npz`."""
    words = _Words(name=source.name, graph=source.graph, schema=source.schema, metadata=dict(source.metadata))
    (folder / "source.json").write_bytes(msgspec.json.encode(words))
    (folder / "weights.safetensors").write_bytes(arrays_to_bytes(source.weights))
    write_arrays(folder / "rows.npz", source.rows)


def read_source(folder: Path) -> Source:
    """What `write_source` wrote there."""
    words = msgspec.json.decode((folder / "source.json").read_bytes(), type=_Words)
    return Source(
        name=words.name,
        graph=words.graph,
        weights=arrays_from_bytes((folder / "weights.safetensors").read_bytes()),
        schema=words.schema,
        metadata=words.metadata,
        rows=read_arrays(folder / "rows.npz"),
    )


def write_arrays(path: Path, arrays: Mapping[str, Array]) -> None:
    """Arrays by name into an `.npz`; arrays of objects hold texts."""
    entries: dict[str, Array] = {}
    for name, array in arrays.items():
        values = np.asarray(array)
        if values.dtype.kind in "OU":
            written = msgspec.json.encode((values.shape, values.ravel().tolist()))
            entries[TEXTS + name] = np.frombuffer(written, dtype=np.uint8)
        else:
            entries[NUMBERS + name] = values
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **entries)


def read_arrays(path: Path) -> Arrays:
    """The arrays of an `.npz` by name; data only, nothing in it can run."""
    with np.load(path, allow_pickle=False) as file:
        return {name[1:]: _texts(file[name]) if name[0] == TEXTS else file[name] for name in file.files}


def _texts(written: Array) -> Array:
    shape, texts = msgspec.json.decode(written.tobytes())
    array = np.empty(len(texts), dtype=object)
    array[:] = texts
    return array.reshape(shape)
