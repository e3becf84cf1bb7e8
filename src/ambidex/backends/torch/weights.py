"""Between canonical weights and PyTorch's: every transpose and every reordering of gates is here and only here.

Canonical layout is (inputs, outputs), PyTorch's is (outputs, inputs); a convolution's (taps, inputs, outputs) is
reversed too. LSTM gates have the same order in both; GRU gates are update, reset, new in canonical order and reset,
update, new in PyTorch's. An LSTM's one bias is `bias_ih`, and `bias_hh` is zero. Attention's projections of its input
lie one above the other in one matrix. Optimizer slots have the layout of the weight they belong to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from ambidex.backends.torch._import import Tensor, Untyped, nn, torch
from ambidex.backends.torch.names import layer_names
from ambidex.errors import ArtifactError, expected
from ambidex.graph import Graph
from ambidex.graph.op import Array
from ambidex.graph.ops.sequence import READERS

_SLOTS = {"exp_avg": "m", "exp_avg_sq": "v", "momentum_buffer": "momentum"}


@dataclass(frozen=True, kw_only=True)
class Place:
    """A tensor of the module, the canonical weights it holds (one above the other), and what differs in layout."""

    tensor: Tensor
    names: tuple[str, ...]
    is_transposed: bool = False
    has_swapped_gates: bool = False

    def join(self, weights: Mapping[str, Array], suffix: str = "") -> Tensor:
        """The tensor's value from the weights called `<name><suffix>`, float32."""
        parts = [self._part(weights, name + suffix) for name in self.names]
        value = parts[0] if len(parts) == 1 else np.concatenate(parts)
        value = _swap_gates(value) if self.has_swapped_gates else value
        return torch.from_numpy(np.array(value, np.float32, order="C"))

    def split(self, value: Tensor, suffix: str = "") -> dict[str, Array]:
        """The weights in a value of the tensor's shape, float32 copies."""
        array = value.detach().to("cpu", torch.float32).numpy()
        array = _swap_gates(array) if self.has_swapped_gates else array
        parts = np.split(array, len(self.names))
        return {
            name + suffix: np.array(part.T if self.is_transposed else part, np.float32, order="C")
            for name, part in zip(self.names, parts, strict=True)
        }

    def _part(self, weights: Mapping[str, Array], name: str) -> Array:
        if name not in weights:
            raise ArtifactError(expected(f"weight {name!r}", got=f"{len(weights)} weights without it"))
        first, *others = self.tensor.shape
        shape = (first // len(self.names), *others)[:: -1 if self.is_transposed else 1]
        if weights[name].shape != shape:
            raise ArtifactError(expected(f"shape {shape}", got=weights[name].shape, where=f"weight {name!r}"))
        return weights[name].T if self.is_transposed else weights[name]


def places(model: nn.Module, graph: Graph) -> list[Place]:
    """Where each canonical weight lives in a module lowered from the graph, in the order of `graph.parameters`."""
    paths = layer_names(node.name for node in graph.network)
    found: list[Place] = []
    for node in graph.network:
        found += layer_places(node.op, node.name, model.get_submodule(paths[node.name])) if node.op in _PARTS else []
    return found


def layer_places(op: str, name: str, layer: Untyped) -> list[Place]:
    """Where the weights `<name>.<part>` of a layer of PyTorch live; none for an op without weights."""
    return _PARTS[op](name, layer) if op in _PARTS else []


def recurrent_places(name: str, layer: Untyped, level: int) -> list[Place]:
    """The same for one of the layers that a module stacks, 0 the first; an LSTM's second bias is left out."""
    is_gru = isinstance(layer, nn.GRU)
    parts = {"kernel": "weight_ih", "recurrent_kernel": "weight_hh"}
    parts |= {"bias": "bias_ih"} if layer.bias else {}
    parts |= {"recurrent_bias": "bias_hh"} if layer.bias and is_gru else {}
    ways = (
        {"forward": f"l{level}", "backward": f"l{level}_reverse"} if layer.bidirectional else {"forward": f"l{level}"}
    )
    return [
        Place(
            tensor=getattr(layer, f"{attribute}_{suffix}"),
            names=(f"{name}.{way}.{part}",),
            is_transposed=attribute.startswith("weight"),
            has_swapped_gates=is_gru,
        )
        for way, suffix in ways.items()
        for part, attribute in parts.items()
    ]


def to_canonical(model: nn.Module, graph: Graph) -> dict[str, Array]:
    """The module's weights and running statistics by canonical name, float32 copies."""
    found: dict[str, Array] = {}
    for place in places(model, graph):
        found |= place.split(place.tensor)
    return found


def from_canonical(model: nn.Module, graph: Graph, weights: Mapping[str, Array]) -> None:
    """Fills a module in place; an `ArtifactError` where a weight is missing or of another shape."""
    with torch.no_grad():
        for place in places(model, graph):
            place.tensor.copy_(place.join(weights))


def slots_to_canonical(model: nn.Module, graph: Graph, optimizer: torch.optim.Optimizer) -> dict[str, Array]:
    """The optimizer's slots, `<weight>/m` and `/v` or `/momentum`, in canonical layout, and `step` (int64 scalar)."""
    found: dict[str, Array] = {}
    step = 0
    for place in places(model, graph):
        state: dict[str, Untyped] = optimizer.state.get(place.tensor, {})
        slots = [place.split(state[slot], f"/{suffix}").items() for slot, suffix in _SLOTS.items() if slot in state]
        found |= dict(pair for pairs in zip(*slots, strict=True) for pair in pairs)  # weight by weight
        step = int(state.get("step", step))
    return {**found, "step": np.asarray(step, dtype=np.int64)}


def slots_from_canonical(
    model: nn.Module, graph: Graph, optimizer: torch.optim.Optimizer, slots: Mapping[str, Array]
) -> None:
    """Fills the optimizer's slots and step in place; slots that it does not keep are left aside."""
    with torch.no_grad():
        for place in places(model, graph):
            state: dict[str, Untyped] = optimizer.state.get(place.tensor, {})
            for slot, suffix in _SLOTS.items():
                if slot in state:
                    state[slot].copy_(place.join(slots, f"/{suffix}"))
            if "step" in state:
                state["step"].fill_(float(slots["step"]))


def _swap_gates(array: Array) -> Array:
    """Exchanges the first two of three blocks of rows; its own inverse."""
    first, second, third = np.split(array, 3)
    return np.concatenate([second, first, third])


def _dense(name: str, layer: Untyped) -> list[Place]:
    kernel = Place(tensor=layer.weight, names=(f"{name}.kernel",), is_transposed=True)
    return [kernel] if layer.bias is None else [kernel, Place(tensor=layer.bias, names=(f"{name}.bias",))]


def _attention(name: str, layer: Untyped) -> list[Place]:
    kernels, biases = (tuple(f"{name}.{reader}.{part}" for reader in READERS) for part in ("kernel", "bias"))
    readers = [Place(tensor=layer.in_proj_weight, names=kernels, is_transposed=True)]
    if layer.in_proj_bias is not None:
        readers.append(Place(tensor=layer.in_proj_bias, names=biases))
    return [*readers, *_dense(f"{name}.output", layer.out_proj)]


def _simple(**attributes: str) -> Callable[[str, Untyped], list[Place]]:
    """Parts that lie as they are under an attribute of the layer, as far as it has them."""
    return lambda name, layer: [
        Place(tensor=getattr(layer, attribute), names=(f"{name}.{part}",))
        for part, attribute in attributes.items()
        if getattr(layer, attribute) is not None
    ]


def _recurrent(name: str, layer: Untyped) -> list[Place]:
    return recurrent_places(name, layer, 0)


_PARTS: dict[str, Callable[[str, Untyped], list[Place]]] = {
    "dense": _dense,
    "embedding": _simple(table="weight"),
    "layer_norm": _simple(scale="weight", offset="bias"),
    "batch_norm": _simple(scale="weight", offset="bias", mean="running_mean", variance="running_var"),
    "lstm": _recurrent,
    "gru": _recurrent,
    "conv1d": _dense,
    "attention": _attention,
    "prelu": _simple(slope="weight"),
}
