"""A graph of one network op, and its source run as a program."""

from __future__ import annotations

from typing import Any

import numpy as np
from tests.graph.examples import EXAMPLES, SIZES, Example

from ambidex.graph import OPS, Builder, Graph, Value
from ambidex.graph.op import Array

NETWORK_EXAMPLES = [example for example in EXAMPLES if OPS[example.op].is_network and example.op != "dropout"]
IMPORTS = {
    "torch": "import torch\nimport torch.nn.functional as F\nfrom torch import nn\n",
    "keras": "import keras\nfrom keras import layers\n",
}


def graph_of(example: Example) -> Graph:
    """The op between float32 (or code) inputs and the raw output `it`."""
    inputs = [
        Value(name=value.name, dtype="int64" if value.dtype == "int64" else "float32", shape=value.shape)
        for value in example.inputs
    ]
    builder = Builder(inputs)
    builder.add("network", "it", example.op, *(value.name for value in inputs), **example.attrs)
    return builder.build(prepared=[value.name for value in inputs], raw_outputs=["it"], outputs={})


def inputs_of(graph: Graph) -> dict[str, Array]:
    """Inputs of the graph, with symbols at the sizes of the examples."""
    rng = np.random.default_rng(11)
    found = {}
    for value in graph.inputs:
        shape = [size if isinstance(size, int) else SIZES[size] for size in value.shape]
        is_code = value.dtype == "int64"
        found[value.name] = rng.integers(0, 5, shape) if is_code else (0.5 + rng.random(shape)).astype(np.float32)
    return found


def program_of(lines: list[str], framework: str = "torch") -> dict[str, Any]:
    """What the lines define."""
    namespace: dict[str, Any] = {}
    exec(compile(IMPORTS[framework] + "\n".join(lines), "network", "exec"), namespace)
    return namespace
