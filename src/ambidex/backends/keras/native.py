"""What `artifact.to_keras()` gives: the network as Keras has it, to edit, train on, or save."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ambidex.backends.keras.lower import lower
from ambidex.graph import Graph
from ambidex.graph.op import Array


def network(graph: Graph, weights: Mapping[str, Array]) -> Any:
    """A functional `keras.Model` of native layers; `model.save("x.keras")` loads without ambidex.

    It maps prepared values to raw outputs. One input and one output are plain tensors; several go by name.
    """
    return lower(graph, weights)
