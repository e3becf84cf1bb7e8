"""The rows a certificate is made on: real ones, each kind of missing and unseen value, small batches, two lengths."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ambidex.graph import Graph
from ambidex.graph.ops.time import MISSING_TIME
from ambidex.schema import Schema

Array = npt.NDArray[Any]
Arrays = dict[str, Array]
FIRST, SAMPLED = 64, 256
BATCHES: tuple[int, ...] = (1, 2, 3, 17)
UNSEEN_TEXTS: tuple[str, ...] = ("", "never seen before", "日本語 · ñandú", " ")


def certificate_cases(schema: Schema, graph: Graph, examples: Mapping[str, Array], seed: int) -> list[Arrays]:
    """Batches of packed raw inputs: the rows themselves first, then the awkward ones."""
    rows = pick_rows(examples, seed)
    cases = [rows]
    if schema.task.kind != "forecast":
        cases.append(awkward_rows(schema, rows))
    cases += [{name: array[:size] for name, array in rows.items()} for size in BATCHES]
    least, most = schema.task.min_history, schema.task.max_history
    if schema.task.kind == "forecast" and most is not None and least < most:
        shorter = max(least, most // 2)
        cases += [{name: array[:size, -shorter:] for name, array in rows.items()} for size in BATCHES]
    return cases


def pick_rows(examples: Mapping[str, Array], seed: int) -> Arrays:
    """The first rows and a seeded sample of the others, in order; all where there are few."""
    count = len(next(iter(examples.values())))
    first = np.arange(min(FIRST, count))
    rest = np.arange(len(first), count)
    sampled = np.sort(np.random.default_rng([seed, 0x63657274]).permutation(rest)[:SAMPLED])  # "cert"
    index = np.concatenate([first, sampled])
    return {name: array[index] for name, array in examples.items()}


def awkward_rows(schema: Schema, rows: Mapping[str, Array]) -> Arrays:
    """For every column a row in which it is missing, and for every text column rows with texts never seen.

    One more row has everything missing. All are variations of the first rows.
    """
    base = {name: array[0:1] for name, array in rows.items()}
    made: list[Arrays] = [{name: np.full_like(array, _missing(array)) for name, array in base.items()}]
    for name, array in rows.items():
        for column in range(array.shape[1]):
            values = UNSEEN_TEXTS if array.dtype == object else (_missing(array),)
            for value in values:
                changed = {key: part.copy() for key, part in base.items()}
                changed[name][0, column] = value
                made.append(changed)
    return {name: np.concatenate([part[name] for part in made]) for name in rows}


def _missing(array: Array) -> Any:
    if array.dtype == object:
        return ""
    return MISSING_TIME if array.dtype.kind == "i" else np.nan


def synthetic_rows(examples: Mapping[str, Array], seed: int) -> Arrays:
    """As many rows in which every column is shuffled by itself and numbers are moved: nobody's data."""
    rng = np.random.default_rng([seed, 0x73796E74])  # "synt"
    made = {}
    for name, array in examples.items():
        shuffled = array.copy()
        for column in range(array.shape[-1]):
            values = shuffled[..., column].reshape(-1)
            mixed = rng.permutation(values)
            if array.dtype == np.float64:
                mixed = mixed + rng.normal(0, 1e-2, mixed.shape) * (np.nanstd(values) if len(values) > 1 else 0.0)
            shuffled[..., column] = mixed.reshape(shuffled.shape[:-1])
        made[name] = shuffled if array.dtype.kind != "i" else array.copy()
    return made
