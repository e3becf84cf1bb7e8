"""Strict float32 inference in Keras: the edition that certificates compare, on the CPU."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from ambidex.backends.keras.device import configure, scope
from ambidex.backends.keras.lower import lower
from ambidex.backends.keras.weights import from_canonical
from ambidex.graph import Graph, initial_weights
from ambidex.graph.op import Array
from ambidex.training.plan import Plan


def raw_outputs(graph: Graph, weights: Mapping[str, Array], prepared: Mapping[str, Array]) -> dict[str, Array]:
    """The raw outputs by name, float32, from prepared values (float32, or int64 codes) of one batch."""
    configure(Plan(threads=0))  # the number of threads cannot be changed later, so it is left to others
    with scope("cpu"):
        model = _model(msgspec.json.encode(graph))
        from_canonical(model, graph, weights)
        inputs = [np.asarray(prepared[name]) for name in graph.prepared]
        found = model.predict_on_batch(inputs if len(inputs) > 1 else inputs[0])
    values = found if isinstance(found, dict) else {graph.raw_outputs[0]: found}
    return {name: np.asarray(value, np.float32) for name, value in values.items()}


@functools.lru_cache(maxsize=2)
def _model(encoded: bytes) -> Any:
    """The model of a graph in JSON, kept because a certificate runs it at several batch sizes."""
    graph = msgspec.json.decode(encoded, type=Graph)
    return lower(graph, initial_weights(graph, 0))
