"""A network as a Python file of its own that needs only PyTorch, to load weights into.

Short rather than readable: `ambidex eject` writes what people edit.
"""

from __future__ import annotations

import inspect
import re
import textwrap

from ambidex.backends.torch._import import Untyped, nn

_HEAD = '''"""The network of {name}, and how its weights get into it. Needs torch and nothing else.

    from {module} import load

    network = load("{weights}")
    raw = network({arguments})  # {shapes}
"""

import json
import struct

import torch
from torch import Tensor, nn
from torch.nn import functional

DTYPES = {{"F32": torch.float32, "I64": torch.int64}}

'''
_TAIL = '''


def load(path):
    """The network in inference mode with the weights of a .safetensors or a .pt file; neither can run code here."""
    if str(path).endswith(".safetensors"):
        weights = read_safetensors(path)
    else:
        weights = torch.load(path, map_location="cpu", weights_only=True)
    network = Network()
    network.load_state_dict(weights)
    return network.eval()


def read_safetensors(path):
    """Tensors by name: eight bytes of length, a header in JSON, and the values."""
    with open(path, "rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(size))
        values = bytearray(file.read())
    return {
        name: torch.frombuffer(
            values[slice(*entry["data_offsets"])], dtype=DTYPES[entry["dtype"]]
        ).reshape(entry["shape"])
        for name, entry in header.items()
        if name != "__metadata__"
    }
'''


def module_source(network: Untyped, *, name: str, module: str, weights: str, shapes: dict[str, str]) -> str:
    """The file. `network` is a lowered graph; `shapes` describes its arguments by name."""
    layers = {path: layer for path, layer in network.named_modules() if path}
    head = _HEAD.format(
        name=name,
        module=module,
        weights=weights,
        arguments=", ".join(shapes),
        shapes="; ".join(f"{argument} {shape}" for argument, shape in shapes.items()),
    )
    classes = "".join(f"\n{textwrap.dedent(inspect.getsource(kind))}\n" for kind in _own_kinds(layers))
    lines = [f"        {_place(path, layer)}" for path, layer in layers.items()]
    constructor = ["    def __init__(self):", "        super().__init__()", *lines]
    forward = textwrap.indent(_forward(network), "    ")
    return "\n".join([head + classes, "class Network(nn.Module):", *constructor, "", forward + _TAIL])


def _own_kinds(layers: dict[str, nn.Module]) -> list[type[nn.Module]]:
    """The classes of layers that PyTorch does not have, each once."""
    kinds = dict.fromkeys(type(layer) for layer in layers.values())
    return [kind for kind in kinds if not kind.__module__.startswith("torch.")]


def _place(path: str, layer: nn.Module) -> str:
    """The line that makes a layer; a plain `nn.Module` is a place for others."""
    parent, _, name = path.rpartition(".")
    owner = f'self.get_submodule("{parent}")' if parent else "self"
    return f'{owner}.add_module("{name}", {_constructor(layer)})'


def _constructor(layer: nn.Module) -> str:
    """A layer as the call that makes one like it; what PyTorch prints of a layer are its arguments."""
    prefix = "nn." if type(layer).__module__.startswith("torch.") else ""
    return f"{prefix}{type(layer).__name__}({layer.extra_repr()})"


def _forward(network: Untyped) -> str:
    """The generated forward without what frees values early."""
    return re.sub(r";  [\w = ]+= None$", "", network.code.strip(), flags=re.MULTILINE)
