"""Models as their targets see them: a classifier of rows, a forecaster with covariates of all kinds, architectures."""

from __future__ import annotations

import numpy as np
from tests.arch.test_table import series_network, table_network
from tests.export.onnx.edition import Array, weights_of
from tests.export.onnx.models import draw_inputs, forecaster, tabular

from ambidex.arch.architecture import Architecture
from ambidex.backends.source import Source
from ambidex.graph import Graph
from ambidex.schema import Column, Schema, Target, Task

WINDOW = 6

TABLE = Schema(
    columns=(
        Column(name="hours-per-week", kind="number"),
        Column(name="Größe (m²)", kind="number"),
        Column(name="class", kind="number"),
        Column(name="colour of it", kind="text"),
        Column(name="self", kind="text"),
        Column(name="born", kind="time"),
        Column(name="y", kind="text", role="target"),
    ),
    task=Task(kind="multiclass", targets=(Target(name="y", classes=("no", "maybe", "ja")),)),
)
SERIES = Schema(
    columns=(
        Column(name="when", kind="time", role="time"),
        Column(name="price", kind="number", role="target"),
        Column(name="volume", kind="number", role="past"),
        Column(name="holiday", kind="number", role="future"),
        Column(name="mood", kind="text", role="past"),
        Column(name="shop", kind="text", role="static"),
        Column(name="town", kind="text", role="static"),
    ),
    task=Task(
        kind="forecast", targets=(Target(name="price"),), horizon=4, min_history=1, max_history=WINDOW,
        quantiles=(0.1, 0.5, 0.9),
    ),
)  # fmt: skip


def source(schema: Schema, graph: Graph, rng: np.random.Generator) -> Source:
    """A model with weights that are not trivial and five rows of examples."""
    return Source(
        name="model",
        graph=graph,
        weights=weights_of(graph, rng),
        schema=schema,
        metadata={"task": schema.task.kind},
        rows=draw_inputs(graph, rng, 5, WINDOW),
    )


def table_source(rng: np.random.Generator) -> Source:
    return source(TABLE, tabular(), rng)


def series_source(rng: np.random.Generator) -> Source:
    return source(SERIES, forecaster(), rng)


def network_source(model: Architecture, rng: np.random.Generator) -> Source:
    """An architecture by itself: packed prepared values in, raw outputs out."""
    graph = (
        table_network(model) if model.domain == "table" else series_network(model, levels=1 if model.is_solved else 3)
    )
    schema = TABLE if model.domain == "table" else SERIES
    rows = prepared(graph, rng, 5)
    return Source(name="net", graph=graph, weights=weights_of(graph, rng), schema=schema, metadata={}, rows=rows)


def prepared(graph: Graph, rng: np.random.Generator, batch: int, time: int = WINDOW) -> dict[str, Array]:
    """What the network of an architecture is fed."""
    sizes = {"B": batch, "T": time}
    found: dict[str, Array] = {}
    for value in graph.inputs:
        shape = [size if isinstance(size, int) else sizes[size] for size in value.shape]
        is_code = value.dtype == "int64"
        found[value.name] = rng.integers(0, 3, shape) if is_code else rng.normal(size=shape).astype(np.float32)
    return found
