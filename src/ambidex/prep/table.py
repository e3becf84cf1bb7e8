"""Puts the steps of a table together: packed raw columns in, one float32 matrix and one matrix of codes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ambidex.graph import Builder, Value
from ambidex.graph.inputs import TableInputs
from ambidex.prep.category import add_lookup
from ambidex.prep.date import add_dates
from ambidex.prep.number import add_numbers
from ambidex.schema import Layout, Task

Array = npt.NDArray[Any]


def table_values(layouts: Sequence[Layout]) -> list[Value]:
    """The packed raw inputs of a table as graph values."""
    return [
        Value(name=layout.name, dtype=layout.dtype, shape=("B", len(layout.columns)))  # type: ignore[arg-type]
        for layout in layouts
    ]


def add_table_preparation(builder: Builder, sample: Mapping[str, Array]) -> TableInputs:
    """Fits every step on the packed training columns and adds their nodes."""
    parts: list[str] = []
    codes: str | None = None
    sizes: tuple[int, ...] = ()
    if "numbers" in sample:
        parts += add_numbers(builder, "numbers", sample["numbers"])
    if "times" in sample:
        parts += add_dates(builder, "times", sample["times"])
    if "texts" in sample:
        codes, sizes = add_lookup(builder, "texts", sample["texts"])
    features = _join(builder, parts) if parts else None
    return TableInputs(features=features, codes=codes, sizes=sizes)


def _join(builder: Builder, parts: list[str]) -> str:
    joined = builder.add("prepare", "joined", "concat", *parts, axis=-1) if len(parts) > 1 else parts[0]
    return builder.add("prepare", "features", "cast", joined, dtype="float32")


def target_value(task: Task) -> Value:
    """The raw numeric targets as a graph value, (B, targets)."""
    return Value(name="targets", dtype="float64", shape=("B", len(task.targets)))


def add_target_scaling(builder: Builder, sample: npt.NDArray[np.float64]) -> tuple[list[float], list[float]]:
    """Adds the encoding of numeric targets fitted on `sample` (N, targets); returns center and scale for decoding."""
    center = sample.mean(axis=0).tolist()
    scale = np.where(sample.std(axis=0) > 0, sample.std(axis=0), 1.0).tolist()
    scaled = builder.add("encode", "scaled_targets", "standardize", "targets", center=center, scale=scale)
    builder.add("encode", "encoded", "cast", scaled, dtype="float32")
    return center, scale
