"""PyTorch's edition of the network as the certificate runs it: strict float32 on the CPU."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ambidex.backends.torch._import import torch
from ambidex.backends.torch.lower import lower
from ambidex.graph import Graph
from ambidex.graph.op import Array


def raw_outputs(graph: Graph, weights: Mapping[str, Array], prepared: Mapping[str, Array]) -> dict[str, Array]:
    """The raw outputs of prepared values (float32, int64 codes), in inference mode, as float32."""
    module = lower(graph, weights).eval()
    inputs = [torch.from_numpy(np.array(prepared[name])) for name in graph.prepared]
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.inference_mode():
            found = module(*inputs)
    finally:
        torch.set_float32_matmul_precision(before)
    by_name = found if isinstance(found, dict) else {graph.raw_outputs[0]: found}
    return {name: value.numpy() for name, value in by_name.items()}
