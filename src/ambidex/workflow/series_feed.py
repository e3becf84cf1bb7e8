"""Feeds of windows: the whole series is prepared once, and a window is an index."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ambidex.data.series import SeriesSet
from ambidex.graph import Graph, Node, run_nodes
from ambidex.prep.series import CENTER, LOCAL, SCALE, SeriesScaling
from ambidex.training.feed import Feed, Source, gather

Array = npt.NDArray[Any]
Stamps = npt.NDArray[np.int64]
WINDOWS_AT_ONCE = 2048
ERROR_POWERS: dict[str, int] = {"mse": 2, "mae": 1, "huber": 1, "quantile": 1}
"""How a loss grows with the size of a (large) error: what a window's scale has to be raised to, to undo it."""


def local_values(graph: Graph, series: SeriesSet, scaling: SeriesScaling) -> npt.NDArray[np.float64]:
    """The graph's own preparation up to `LOCAL` on each whole series, (N, F), aligned with the raw rows.

    Scalings that lose a step leave zero in the first row of a series, which no window reads.
    """
    nodes = local_nodes(graph)
    result = np.zeros(series.tensors["numbers"].shape)
    for begin, end in zip(series.offsets[:-1].tolist(), series.offsets[1:].tolist(), strict=True):
        inputs = {value.name: series.tensors[value.name][None, begin:end] for value in graph.inputs}
        result[begin + scaling.lost_steps : end] = run_nodes(nodes, inputs, {})[LOCAL][0]
    return result


def local_nodes(graph: Graph) -> tuple[Node, ...]:
    """The part of the preparation that does not depend on where a window begins, up to `LOCAL`."""
    position = next(index for index, node in enumerate(graph.prepare) if node.name == LOCAL)
    return graph.prepare[: position + 1]


def window_feed(
    graph: Graph, local: npt.NDArray[np.float64], starts: Stamps, spans: tuple[int, int], scaling: SeriesScaling
) -> Feed:
    """The windows that start at raw rows `starts`; `spans` are the steps of history and those of the target."""
    window, horizon = spans
    first = starts + scaling.lost_steps
    center, scale = _window_statistics(graph, local, first, window)
    array, targets = local.astype(np.float32), scaling.num_targets
    history = Source(array=array, length=window, center=center, scale=scale)
    target = Source(
        array=np.ascontiguousarray(array[:, :targets]),
        length=horizon,
        offset=window,
        center=None if center is None else np.ascontiguousarray(center[:, :targets]),
        scale=None if scale is None else np.ascontiguousarray(scale[:, :targets]),
    )
    feed = Feed(num_samples=len(first), inputs={graph.prepared[0]: history}, target=target, starts=first)
    return _folded(feed) if scaling.is_folded else feed


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


def _folded(feed: Feed) -> Feed:
    """Every target is a series of its own: (N, F) becomes (F · N, 1), window w of target f is sample f · W + w."""
    assert feed.target is not None
    assert feed.starts is not None
    rows, columns = feed.target.array.shape
    target = replace(
        feed.target,
        array=_one_column(feed.target.array),
        center=None if feed.target.center is None else _one_column(feed.target.center),
        scale=None if feed.target.scale is None else _one_column(feed.target.scale),
    )
    ((name, history),) = feed.inputs.items()
    history = replace(target, length=history.length, offset=0)
    starts = np.concatenate([feed.starts + column * rows for column in range(columns)])
    return Feed(num_samples=len(starts), inputs={name: history}, target=target, starts=starts)


def _one_column(array: Array) -> Array:
    """The columns below each other."""
    return np.ascontiguousarray(array.T.reshape(-1, 1))


def weighted_by_scale(feed: Feed, loss_name: str) -> Feed:
    """Weights that make the loss count errors in units of the series, where each window is scaled by its own deviation.

    Without them an error in a calm window would cost as much as one many times larger in a lively one, though the
    forecast is judged in the units of the series. Where a sample has several targets the weight is their mean. A
    user's own loss stays unweighted: it may not be one number per sample.
    """
    power = ERROR_POWERS.get(loss_name)
    if power is None or feed.target is None or feed.target.scale is None:
        return feed
    return replace(feed, weight=(feed.target.scale**power).mean(axis=1).astype(np.float32))


def evenly_thinned(feed: Feed, most: int) -> Feed:
    """At most that many windows, evenly spread over all of them in their order."""
    if feed.num_samples <= most:
        return feed
    index = np.linspace(0, feed.num_samples - 1, most).astype(np.int64)
    assert feed.starts is not None
    return Feed(
        num_samples=most,
        inputs={name: _taken(source, index) for name, source in feed.inputs.items()},
        target=None if feed.target is None else _taken(feed.target, index),
        weight=None if feed.weight is None else feed.weight[index],
        starts=feed.starts[index],
    )


def _taken(source: Source, index: Stamps) -> Source:
    if source.center is None or source.scale is None:
        return source
    return replace(source, center=source.center[index], scale=source.scale[index])
