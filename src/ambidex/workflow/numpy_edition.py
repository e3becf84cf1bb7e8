"""The reference as an object: what `Artifact.to_numpy` gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy.typing as npt

from ambidex.graph import Graph, decode, predict, prepare, run_network

Array = npt.NDArray[Any]
Arrays = dict[str, Array]


class NumpyEdition:
    """A graph with its weights in float64 NumPy. Inputs are packed: `numbers`, `texts`, `times`."""

    def __init__(self, graph: Graph, weights: Mapping[str, Array]) -> None:
        self.graph = graph
        self.weights = weights

    def prepare(self, inputs: Mapping[str, Array]) -> Arrays:
        """Every value of the preparation by name; the network's inputs are among them."""
        return prepare(self.graph, inputs)

    def network(self, prepared: Mapping[str, Array]) -> Arrays:
        """Raw outputs from prepared values."""
        return run_network(self.graph, prepared, self.weights)

    def decode(self, raw: Mapping[str, Array], prepared: Mapping[str, Array]) -> Arrays:
        """Public outputs from raw ones (of any engine) and the values of the preparation."""
        return decode(self.graph, raw, prepared)

    def predict(self, inputs: Mapping[str, Array]) -> Arrays:
        """Packed raw columns to public outputs."""
        return predict(self.graph, inputs, self.weights)
