"""A feed on the device, and how a batch is gathered from it by sample number inside a compiled function."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ambidex.backends.keras.engine import steps
from ambidex.graph.op import Array
from ambidex.training.feed import Feed, Source

Tensor = Any


class Span(NamedTuple):
    """The part of a source that is fixed when a program is compiled: see `training.feed.Source`."""

    length: int
    offset: int


class Layout(NamedTuple):
    """What a program knows of its samples besides their values; hashable."""

    inputs: tuple[Span, ...]
    target: Span | None


class Samples(NamedTuple):
    """`tensors` holds "inputs" (a list), "target", "weight" and "starts", as far as the feed has them."""

    layout: Layout
    tensors: dict[str, Any]


class Batch(NamedTuple):
    """Inputs in the order of `graph.prepared`; target and weight where the feed has them."""

    inputs: list[Tensor]
    target: Tensor | None
    weight: Tensor | None


def put_feed(feed: Feed, names: tuple[str, ...]) -> Samples:
    """Copies a feed to the device: floats as float32, codes as int32."""
    sources = [feed.inputs[name] for name in names]
    tensors: dict[str, Any] = {"inputs": [_put_source(source) for source in sources]}
    if feed.target is not None:
        tensors["target"] = _put_source(feed.target)
    if feed.weight is not None:
        tensors["weight"] = _put(feed.weight)
    if feed.starts is not None:
        tensors["starts"] = steps.put_index(feed.starts)
    target = _span(feed.target) if feed.target is not None else None
    return Samples(Layout(tuple(_span(source) for source in sources), target), tensors)


def gather_batch(layout: Layout, tensors: dict[str, Any], index: Tensor) -> Batch:
    """The samples `index` (B,): `training.feed.gather` in the engine's own operations."""
    starts = steps.take_rows(tensors["starts"], index) if "starts" in tensors else None
    inputs = [
        _gather(span, source, index, starts) for span, source in zip(layout.inputs, tensors["inputs"], strict=True)
    ]
    target = _gather(layout.target, tensors["target"], index, starts) if layout.target is not None else None
    weight = steps.take_rows(tensors["weight"], index) if "weight" in tensors else None
    return Batch(inputs, target, weight)


def _gather(span: Span, source: dict[str, Tensor], index: Tensor, starts: Tensor | None) -> Tensor:
    if span.length == 0:
        return steps.take_rows(source["array"], index)
    windows = steps.take_windows(source["array"], starts, span.offset, span.length)  # (B, T, F)
    if "center" not in source:
        return windows
    return (windows - steps.take_rows(source["center"], index)[:, None]) / steps.take_rows(source["scale"], index)[
        :, None
    ]


def _span(source: Source) -> Span:
    return Span(source.length, source.offset)


def _put_source(source: Source) -> dict[str, Tensor]:
    found = {"array": _put(source.array)}
    if source.length and source.center is not None and source.scale is not None:
        found |= {"center": _put(source.center), "scale": _put(source.scale)}
    return found


def _put(array: Array) -> Tensor:
    return steps.put(np.asarray(array, np.float32 if array.dtype.kind == "f" else np.int32))
