"""The target `state-dict`: PyTorch's own weights, as safetensors, as `.pt`, or both, and the module they belong to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ambidex.backends.source import Arrays, Options, Source
from ambidex.backends.torch._import import Tensor, Untyped, torch
from ambidex.backends.torch.native import network
from ambidex.backends.torch.targets.batch import answer_with
from ambidex.backends.torch.targets.module_source import module_source
from ambidex.errors import UsageError, expected
from ambidex.graph import network_values
from ambidex.graph.storage import arrays_to_bytes

SUFFIXES = (".safetensors", ".pt")
MODULE = "network.py"
"""The module's file in a folder; beside a file it is called after it."""


def write(source: Source, output: Path, options: Options) -> None:
    """A file by its suffix with `<stem>_network.py` beside it, or without a suffix a folder with both forms."""
    module = network(source.graph, source.weights)
    state = module.state_dict()
    if output.suffix:
        _check_suffix(output)
        _write_weights(output, state)
        module_path = _module_beside(output)
    else:
        output.mkdir()
        for suffix in SUFFIXES:
            _write_weights(output / f"weights{suffix}", state)
        module_path = output / MODULE
    weights = output.name if output.suffix else "weights.safetensors"
    shapes = {name: _shape(source, name) for name in source.graph.prepared}
    text = module_source(module, name=source.name, module=module_path.stem, weights=weights, shapes=shapes)
    module_path.write_text(text, encoding="utf-8")


def _check_suffix(output: Path) -> None:
    if output.suffix not in SUFFIXES:
        fix = "Without a suffix it is a folder with both."
        raise UsageError(expected(f"a name with {' or '.join(SUFFIXES)}", got=repr(output.name), where="-o", fix=fix))


def _module_beside(output: Path) -> Path:
    return output.with_name(f"{output.stem}_network.py")


def _write_weights(path: Path, state: Mapping[str, Tensor]) -> None:
    if path.suffix == ".pt":
        torch.save(dict(state), path)
    else:
        arrays = {name: np.ascontiguousarray(tensor.numpy()) for name, tensor in state.items()}
        path.write_bytes(arrays_to_bytes(arrays))


def _shape(source: Source, name: str) -> str:
    value = network_values(source.graph)[name]
    return f"{value.dtype} ({', '.join(map(str, value.shape))})"


def answer(output: Path, source: Source, batches: Sequence[Arrays]) -> list[Arrays]:
    """Raw outputs of the network that the written loader makes; it is run as a user's Python runs it.

    A folder's second file must hold the same weights.
    """
    loader: dict[str, Untyped] = {"__name__": "loader"}
    path = _module_beside(output) if output.suffix else output / MODULE
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), loader)  # noqa: S102 - we have just written it
    files = [output] if output.suffix else [output / f"weights{suffix}" for suffix in SUFFIXES]
    networks = [loader["load"](file) for file in files]
    first = networks[0].state_dict()
    assert all(torch.equal(first[name], tensor) for other in networks for name, tensor in other.state_dict().items()), (
        "two files of the same weights differ"
    )
    return answer_with(networks[0], source, batches)
