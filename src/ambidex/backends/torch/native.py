"""What a user gets to read, change and train on: the network as a PyTorch module of their own."""

from __future__ import annotations

from collections.abc import Mapping

from ambidex.backends.torch._import import nn
from ambidex.backends.torch.lower import lower
from ambidex.graph import Graph
from ambidex.graph.op import Array


def network(graph: Graph, weights: Mapping[str, Array]) -> nn.Module:
    """The network from prepared tensors to raw outputs, in inference mode on the CPU. Nothing of ours runs in it.

    `module(*tensors)` takes them in the order of `graph.prepared`; one raw output comes as a tensor, several as a
    dictionary by name. `module.code` is its forward as Python; `module.train()` makes it ready for any training loop.
    """
    return lower(graph, weights).eval()
