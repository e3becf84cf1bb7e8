"""What a network is trained on is what the graph would prepare of the same raw windows."""

from __future__ import annotations

import numpy as np
import pytest
from tests.prep.scaling import CASES, HORIZON, KINDS, TARGETS, Case, built, encoded_future, stamps

from ambidex.data.series import SeriesSet
from ambidex.data.windows import window_starts
from ambidex.graph import Graph, prepare
from ambidex.graph.op import Array
from ambidex.training.feed import Feed, gather
from ambidex.workflow.series_feed import evenly_thinned, local_values, weighted_by_scale, window_feed

WINDOW = 5
FLOAT32 = 4e-7
SERIES_CASES = [case for case in CASES if not case.quantiles]


def series(case: Case, rng: np.random.Generator) -> SeriesSet:
    """Two series of 20 and 14 hours, one around 10, the other around -3."""
    lengths = (20, 14)
    levels = [level + rng.normal(size=(rows, case.columns)) for rows, level in zip(lengths, (10, -3), strict=True)]
    times = [stamps(1, rows)[0] for rows in lengths]
    return SeriesSet(
        tensors={"numbers": np.concatenate(levels), "times": np.concatenate(times)},
        stamps=np.concatenate(times)[:, 0],
        rows=np.arange(34),
        offsets=np.array([0, 20, 34]),
        known=np.array([20, 34]),
        keys=(("a",), ("b",)),
        frequency=None,
        notes=(),
    )


def made(case: Case, found: SeriesSet) -> tuple[Graph, Array, Feed]:
    """The graph, the raw start of every window, and the feed."""
    graph, scaling = built(case), case.scaling()
    starts = window_starts(found.offsets, WINDOW + scaling.lost_steps, HORIZON)
    local = local_values(graph, found, scaling)
    return graph, starts, window_feed(graph, local, starts, (WINDOW, HORIZON), scaling)


def raw_windows(case: Case, found: SeriesSet, starts: Array) -> dict[str, Array]:
    steps = WINDOW + case.scaling().lost_steps + HORIZON
    return {name: np.stack([array[start : start + steps] for start in starts]) for name, array in found.tensors.items()}


def by_sample(case: Case, windows: Array) -> Array:
    """The graph's order of folded samples, targets side by side, as the feed's: one target after the other."""
    if not case.is_folded:
        return windows
    return windows.reshape(-1, TARGETS, *windows.shape[1:]).swapaxes(0, 1).reshape(windows.shape)


@pytest.mark.parametrize("case", SERIES_CASES, ids=str)
def test_windows_are_what_the_graph_prepares(case: Case, rng: np.random.Generator) -> None:
    found = series(case, rng)
    graph, starts, feed = made(case, found)
    windows = raw_windows(case, found, starts)
    history = {name: array[:, :-HORIZON] for name, array in windows.items()}
    prepared = prepare(graph, history)
    every = np.arange(feed.num_samples)
    (source,) = feed.inputs.values()
    assert tuple(feed.inputs) == graph.prepared
    assert len(every) == len(starts) * (TARGETS if case.is_folded else 1)
    bound = FLOAT32 * (1 + np.abs(prepared["local"]).max()) / prepared.get("window_scale", np.ones(1)).min()
    inputs = gather(source, every, feed.starts)
    assert inputs.dtype == np.float32
    assert np.abs(inputs - by_sample(case, prepared["history"])).max() <= bound
    assert feed.target is not None
    target = gather(feed.target, every, feed.starts)
    assert target.dtype == np.float32
    expected = by_sample(case, encoded_future(case, graph, windows["numbers"], prepared, times=windows["times"]))
    assert target.shape == expected.shape
    assert np.abs(target - expected).max() <= bound * 2


def test_no_window_reads_over_the_end_of_its_series(rng: np.random.Generator) -> None:
    case = Case("difference")
    found = series(case, rng)
    _, starts, feed = made(case, found)
    assert feed.starts is not None
    for raw, start in zip(starts, feed.starts, strict=True):
        own = 0 if raw < 20 else 1
        assert start == raw + 1
        assert found.offsets[own] < start
        assert start + WINDOW + HORIZON <= found.offsets[own + 1]


def test_windows_are_weighted_so_that_errors_count_in_units_of_the_series(rng: np.random.Generator) -> None:
    case = Case("instance", "mean", True)
    _, _, feed = made(case, series(case, rng))
    assert feed.target is not None
    assert feed.target.scale is not None
    for loss, power in (("mse", 2), ("mae", 1), ("quantile", 1)):
        weight = weighted_by_scale(feed, loss).weight
        assert weight is not None
        assert weight == pytest.approx((feed.target.scale**power).mean(axis=1), rel=1e-6)
    assert weighted_by_scale(feed, "own:loss").weight is None


@pytest.mark.parametrize("case", KINDS[:3], ids=str)
def test_windows_that_are_not_scaled_by_themselves_have_no_weight(case: Case, rng: np.random.Generator) -> None:
    assert weighted_by_scale(made(case, series(case, rng))[2], "mse").weight is None


@pytest.mark.parametrize("case", [Case("none"), Case("instance", "mean", True, is_folded=True)], ids=str)
def test_thinning_keeps_windows_whole_and_in_order(case: Case, rng: np.random.Generator) -> None:
    _, _, feed = made(case, series(case, rng))
    feed = weighted_by_scale(feed, "mse")
    assert evenly_thinned(feed, 10**6) is feed
    few = evenly_thinned(feed, 7)
    kept = np.linspace(0, feed.num_samples - 1, 7).astype(int)
    for name, source in few.inputs.items():
        expected = gather(feed.inputs[name], kept, feed.starts)
        assert np.array_equal(gather(source, np.arange(7), few.starts), expected)
    assert few.num_samples == 7
    assert (few.weight is None) == (feed.weight is None)
    assert kept[0] == 0
    assert kept[-1] == feed.num_samples - 1
