from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ambidex.training.feed import Feed, Source
from ambidex.training.moments import Moments, sliding_moments, window_moments

T, H = 3, 2


def _windows(values: np.ndarray, center: np.ndarray, size: int) -> np.ndarray:
    return np.array([values[s : s + size] - center[s] for s in range(len(center))])


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**31), count=st.integers(1, 40), size=st.integers(2, 9))
def test_sliding_moments_are_those_of_the_windows(seed: int, count: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    values, center = rng.normal(size=count + size - 1), rng.normal(size=count)
    first, second = sliding_moments(values, center, size)
    windows = _windows(values, center, size)
    np.testing.assert_allclose(first, windows.sum(axis=0), atol=1e-11)
    np.testing.assert_allclose(second, windows.T @ windows, atol=1e-11)


def _feed(starts: np.ndarray, *, center: bool, scale: float, columns: int) -> Feed:
    rng = np.random.default_rng(3)
    array = rng.normal(size=(200, columns)).astype(np.float32)
    middle = rng.normal(size=(len(starts), columns)).astype(np.float32) if center else None
    spread = np.full((len(starts), columns), scale, dtype=np.float32) if center else None
    history = Source(array=array, length=T, center=middle, scale=spread)
    target = Source(array=array, length=H, offset=T, center=middle, scale=spread)
    return Feed(num_samples=len(starts), inputs={"x": history}, target=target, starts=starts)


def _expected(feed: Feed, columns: int) -> Moments:
    (history,) = feed.inputs.values()
    assert feed.starts is not None
    found = Moments(steps=T, count=0.0, first=np.zeros(T + H), second=np.zeros((T + H, T + H)))
    for sample, start in enumerate(feed.starts):
        for column in range(columns):
            z = history.array[start : start + T + H, column].astype(np.float64)
            if history.center is not None and history.scale is not None:
                z = (z - history.center[sample, column]) / history.scale[sample, column]
            found.add(1, z, np.outer(z, z))
    return found


@pytest.mark.parametrize("center", [False, True], ids=["plain", "centred"])
@pytest.mark.parametrize("scale", [1.0, 2.0], ids=["unscaled", "scaled"])
@pytest.mark.parametrize(
    "starts",
    [np.arange(150), np.r_[0:60, 80:150], np.arange(0, 150, 7)],
    ids=["one stretch", "two stretches", "every seventh"],
)
def test_window_moments_are_those_of_the_windows_in_every_way_they_are_added_up(
    starts: np.ndarray, scale: float, center: bool
) -> None:
    feed = _feed(starts, center=center, scale=scale, columns=2)
    found, expected = window_moments(feed, 2), _expected(feed, 2)
    assert found.steps == T
    assert found.count == expected.count == 2 * len(starts)
    np.testing.assert_allclose(found.first, expected.first, atol=2e-4)
    np.testing.assert_allclose(found.second, expected.second, rtol=1e-5, atol=2e-4)
