"""Canonical weights into a Keras model's variables and out: nothing but a rearrangement, exact both ways.

The canonical layout is Keras's own but for three: the two biases (3u,) of a GRU are the rows of one variable (2, 3u);
the projections of attention (D, D) have the heads as an axis of their own, (D, heads, d) or (heads, d, D); slopes (D,)
have an axis of one for every axis that shares them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ambidex.backends.keras.names import layer_names
from ambidex.errors import ArtifactError, expected
from ambidex.graph import Graph
from ambidex.graph.op import Array
from ambidex.graph.ops.sequence import READERS


@dataclass(frozen=True, kw_only=True)
class Place:
    """A variable of the model and the canonical weights it holds: one, or several as its rows."""

    variable: Any
    names: tuple[str, ...]
    shape: tuple[int, ...] = ()
    """The canonical shape of each, where it is not the variable's (or its rows')."""

    @property
    def canonical_shape(self) -> tuple[int, ...]:
        """The shape of each of the weights."""
        return self.shape or tuple(self.variable.shape)[len(self.names) > 1 :]

    def join(self, weights: Mapping[str, Array], suffix: str = "") -> Array:
        """The variable's value from the weights called `<name><suffix>`, float32."""
        names = [name + suffix for name in self.names]
        missing = [name for name in names if name not in weights]
        if missing:
            raise ArtifactError(expected(f"weight {missing[0]!r}", got=f"{len(weights)} weights without it"))
        for name in names:
            if weights[name].shape != self.canonical_shape:
                got = weights[name].shape
                raise ArtifactError(expected(f"shape {self.canonical_shape}", got=got, where=f"weight {name!r}"))
        parts = [np.asarray(weights[name], np.float32) for name in names]
        value = parts[0] if len(parts) == 1 else np.stack(parts)
        return value.reshape(self.variable.shape)

    def split(self, value: Array, suffix: str = "") -> dict[str, Array]:
        """The weights in a value of the variable's shape, float32 copies."""
        parts = [value] if len(self.names) == 1 else list(value)
        return {
            name + suffix: np.array(part, np.float32).reshape(self.canonical_shape)
            for name, part in zip(self.names, parts, strict=True)
        }


def places(model: Any, graph: Graph) -> list[Place]:
    """Where each canonical weight lives in a model lowered from the graph."""
    layers = layer_names([*graph.prepared, *(node.name for node in graph.network)])
    with_weights = [node for node in graph.network if node.op in _PARTS]
    return [
        place for node in with_weights for place in layer_places(node.op, node.name, model.get_layer(layers[node.name]))
    ]


def layer_places(op: str, name: str, layer: Any) -> list[Place]:
    """Where the weights `<name>.<part>` of a layer of Keras live; none for an op without weights."""
    found: list[Place] = _PARTS[op](name, layer) if op in _PARTS else []
    return found


def to_canonical(model: Any, graph: Graph) -> dict[str, Array]:
    """The model's weights under their canonical names, float32 copies, in the order of `graph.parameters`."""
    found: dict[str, Array] = {}
    for place in places(model, graph):
        found |= place.split(np.asarray(place.variable))
    return found


def from_canonical(model: Any, graph: Graph, weights: Mapping[str, Array]) -> None:
    """Puts canonical weights into a model; an `ArtifactError` where one is missing or of another shape."""
    for place in places(model, graph):
        place.variable.assign(place.join(weights))


def slots_to_canonical(model: Any, graph: Graph, optimizer: Any) -> dict[str, Array]:
    """The slots of an optimizer of ours, `<weight>/m` and `/v` or `/momentum`, and `step` (int64 scalar)."""
    found: dict[str, Array] = {}
    for place in places(model, graph):
        for slot, variable in optimizer.slots_of(place.variable).items():
            found |= place.split(np.asarray(variable), f"/{slot}")
    return {**found, "step": np.asarray(optimizer.iterations, dtype=np.int64)}


def slots_from_canonical(model: Any, graph: Graph, optimizer: Any, slots: Mapping[str, Array]) -> None:
    """Fills the optimizer's slots and step; slots that it does not keep are left aside."""
    for place in places(model, graph):
        for slot, variable in optimizer.slots_of(place.variable).items():
            variable.assign(place.join(slots, f"/{slot}"))
    optimizer.iterations.assign(int(slots["step"]))


def _simple(**variables: str) -> Any:
    """Parts that are variables of the layer, each under an attribute of its own."""

    def parts(name: str, layer: Any) -> list[Place]:
        found = {part: getattr(layer, attribute) for part, attribute in variables.items()}
        return [
            Place(variable=variable, names=(f"{name}.{part}",))
            for part, variable in found.items()
            if variable is not None
        ]

    return parts


def _recurrent(bias: Sequence[str]) -> Any:
    """Parts of each direction's cell; `bias` names the rows of its bias."""

    def parts(name: str, layer: Any) -> list[Place]:
        if hasattr(layer, "forward_layer"):
            ways = {"forward": layer.forward_layer.cell, "backward": layer.backward_layer.cell}
        else:
            ways = {"forward": layer.cell}
        return [
            Place(variable=variable, names=tuple(f"{name}.{way}.{part}" for part in rows))
            for way, cell in ways.items()
            for variable, rows in (
                (cell.kernel, ["kernel"]),
                (cell.recurrent_kernel, ["recurrent_kernel"]),
                (cell.bias, bias),
            )
            if variable is not None
        ]

    return parts


def _attention(name: str, layer: Any) -> list[Place]:
    """The sizes of heads are joined in canonical weights."""
    size = layer.query_dense.kernel.shape[0]
    shapes = {"kernel": (size, size), "bias": (size,)}
    found = [
        (getattr(getattr(layer, f"{projection}_dense"), part), f"{name}.{projection}.{part}", shape)
        for projections in (READERS, ("output",))
        for part, shape in shapes.items()
        for projection in projections
    ]
    return [
        Place(variable=variable, names=(full,), shape=shape) for variable, full, shape in found if variable is not None
    ]


def _prelu(name: str, layer: Any) -> list[Place]:
    return [Place(variable=layer.alpha, names=(f"{name}.slope",), shape=(layer.alpha.shape[-1],))]


_PARTS: dict[str, Any] = {
    "dense": _simple(kernel="kernel", bias="bias"),
    "embedding": _simple(table="embeddings"),
    "layer_norm": _simple(scale="gamma", offset="beta"),
    "batch_norm": _simple(scale="gamma", offset="beta", mean="moving_mean", variance="moving_variance"),
    "lstm": _recurrent(["bias"]),
    "gru": _recurrent(["bias", "recurrent_bias"]),
    "conv1d": _simple(kernel="kernel", bias="bias"),
    "attention": _attention,
    "prelu": _prelu,
}
