"""Feeds of windows: the whole series is prepared once, and a window is an index."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ambidex.data.series import SeriesSet
from ambidex.graph import Graph, run_nodes
from ambidex.prep.series import CENTER, LOCAL, SCALE, SeriesScaling
from ambidex.training.feed import Feed, Source, gather

Array = npt.NDArray[Any]
Stamps = npt.NDArray[np.int64]
WINDOWS_AT_ONCE = 2048


def local_values(graph: Graph, series: SeriesSet, scaling: SeriesScaling) -> npt.NDArray[np.float64]:
    """The graph's own preparation up to `LOCAL` on each whole series, (N, F), aligned with the raw rows.

    Scalings that lose a step leave zero in the first row of a series, which no window reads.
    """
    position = next(index for index, node in enumerate(graph.prepare) if node.name == LOCAL)
    nodes = graph.prepare[: position + 1]
    result = np.zeros(series.tensors["numbers"].shape)
    for begin, end in zip(series.offsets[:-1].tolist(), series.offsets[1:].tolist(), strict=True):
        inputs = {value.name: series.tensors[value.name][None, begin:end] for value in graph.inputs}
        result[begin + scaling.lost_steps : end] = run_nodes(nodes, inputs, {})[LOCAL][0]
    return result


def window_feed(
    graph: Graph, local: npt.NDArray[np.float64], starts: Stamps, window: int, horizon: int, scaling: SeriesScaling
) -> Feed:
    """The windows that start at raw rows `starts`: `window` steps of history and `horizon` of target."""
    first = starts + scaling.lost_steps
    center, scale = _window_statistics(graph, local, first, window)
    targets = scaling.num_targets
    if scaling.is_folded:
        return _folded(graph, local[:, :targets], first, window, horizon, center, scale)
    array = local.astype(np.float32)
    history = Source(array=array, length=window, center=center, scale=scale)
    target = Source(
        array=np.ascontiguousarray(array[:, :targets]),
        length=horizon,
        offset=window,
        center=None if center is None else np.ascontiguousarray(center[:, :targets]),
        scale=None if scale is None else np.ascontiguousarray(scale[:, :targets]),
    )
    return Feed(num_samples=len(first), inputs={graph.prepared[0]: history}, target=target, starts=first)


def _window_statistics(
    graph: Graph, local: npt.NDArray[np.float64], starts: Stamps, window: int
) -> tuple[Array | None, Array | None]:
    """Center and scale (W, F) float32 of each window by the graph's own nodes; both where either is used."""
    nodes = [node for node in graph.prepare if node.name in (CENTER, SCALE)]
    if not nodes:
        return None, None
    shape = (len(starts), local.shape[1])
    center, scale = np.zeros(shape, dtype=np.float32), np.ones(shape, dtype=np.float32)
    for begin in range(0, len(starts), WINDOWS_AT_ONCE):
        part = starts[begin : begin + WINDOWS_AT_ONCE]
        windows = gather(Source(array=local, length=window), np.arange(len(part)), part)
        values = run_nodes(nodes, {LOCAL: windows}, {})
        if CENTER in values:
            center[begin : begin + len(part)] = values[CENTER][:, 0]
        if SCALE in values:
            scale[begin : begin + len(part)] = values[SCALE][:, 0]
    return center, scale


def _folded(
    graph: Graph, levels: Array, starts: Stamps, window: int, horizon: int, center: Array | None, scale: Array | None
) -> Feed:
    """Every target is a series of its own: (N, F) becomes (F · N, 1), window w of target f is sample f · W + w."""
    rows, columns = levels.shape
    array = np.ascontiguousarray(levels.T.reshape(-1, 1), dtype=np.float32)
    every = np.concatenate([starts + column * rows for column in range(columns)])
    flat = [None if part is None else np.ascontiguousarray(part[:, :columns].T.reshape(-1, 1)) for part in (center, scale)]
    history = Source(array=array, length=window, center=flat[0], scale=flat[1])
    target = Source(array=array, length=horizon, offset=window, center=flat[0], scale=flat[1])
    return Feed(num_samples=len(every), inputs={graph.prepared[0]: history}, target=target, starts=every)
