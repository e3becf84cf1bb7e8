"""A layer of a user's own network, in the words that both engines share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ambidex.errors import UsageError, expected
from ambidex.graph.op import Array

SETTABLE = ("epsilon", "momentum", "slope")
"""The hyperparameters that can be changed on a layer that exists; the others decide what it is."""


@dataclass(frozen=True, kw_only=True)
class ForeignLayer:
    """One layer with weights, or a leaky ReLU.

    `op` is the graph's name of what it computes, `attrs` are hyperparameters under the graph's names, `weights` float32
    copies under the graph's names of parts. `native` is the engine's own object, `level` which of the layers stacked in
    it. `refusal` says why it has no counterpart in the other framework, `lost` what does not survive the way out.
    """

    name: str
    op: str
    native: Any
    level: int = 0
    attrs: Mapping[str, Any] = field(default_factory=dict)
    weights: Mapping[str, Array] = field(default_factory=dict)
    refusal: str = ""
    lost: tuple[str, ...] = ()


def framework_of(network: Any) -> str:
    """'torch' or 'keras', told without importing either; a `UsageError` for anything else.

    On Keras's own PyTorch backend a Keras layer is a module too, so Keras is looked for first.
    """
    origins = [kind.__module__ for kind in type(network).__mro__]
    if any(origin.split(".")[0] == "keras" for origin in origins):
        return "keras"
    if any(origin.startswith("torch.nn") for origin in origins):
        return "torch"
    what = type(network).__name__
    raise UsageError(expected("a torch.nn.Module or a keras.Model", got=f"an object of type {what}"))
