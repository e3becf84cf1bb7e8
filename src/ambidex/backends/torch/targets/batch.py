"""Batches as PyTorch takes them, and raw outputs as they come back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ambidex.backends.source import Arrays, Source
from ambidex.backends.torch._import import Tensor, Untyped, torch
from ambidex.graph.op import Array


def tensors_of(source: Source, batch: Mapping[str, Array]) -> list[Tensor]:
    """Prepared values in the order of the network's arguments."""
    return [torch.from_numpy(np.array(batch[name])) for name in source.graph.prepared]


def answer_with(network: Callable[..., Untyped], source: Source, batches: Sequence[Arrays]) -> list[Arrays]:
    """Raw outputs of a callable that takes the network's arguments, in strict float32."""
    torch.set_float32_matmul_precision("highest")
    with torch.inference_mode():
        return [_named(source, network(*tensors_of(source, batch))) for batch in batches]


def _named(source: Source, found: Untyped) -> Arrays:
    by_name = found if isinstance(found, dict) else {source.graph.raw_outputs[0]: found}
    return {name: value.numpy() for name, value in by_name.items()}
