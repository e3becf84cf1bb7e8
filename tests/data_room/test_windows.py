"""Windows are index ranges that never cross a series."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambidex.data.windows import gather, window_starts
from ambidex.errors import DataError

LENGTHS = st.lists(st.integers(0, 12), max_size=4)


def bounds(lengths: list[int]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


@given(LENGTHS, st.integers(1, 5), st.integers(0, 4), st.integers(1, 3))
def test_windows_are_all_that_fit_and_no_other(lengths: list[int], window: int, horizon: int, stride: int) -> None:
    offsets = bounds(lengths)
    found = [
        start
        for begin, end in pairwise(offsets.tolist())
        for start in range(begin, end, stride)
        if start + window + horizon <= end
    ]
    assert window_starts(offsets, window, horizon, stride=stride).tolist() == found


@given(LENGTHS, st.integers(1, 5), st.integers(1, 4), st.tuples(st.integers(-2, 14), st.integers(-2, 14)))
def test_a_span_bounds_the_forecast_and_not_the_history(
    lengths: list[int], window: int, horizon: int, span: tuple[int, int]
) -> None:
    offsets = bounds(lengths)
    stamps = np.array([step for length in lengths for step in range(length)], dtype=np.int64)
    every = window_starts(offsets, window, horizon)
    inside = [s for s in every if stamps[s + window] >= span[0] and stamps[s + window + horizon - 1] <= span[1]]
    assert window_starts(offsets, window, horizon, stamps=stamps, span=span).tolist() == inside


def test_train_and_validation_spans_share_no_forecast_step() -> None:
    offsets, stamps = bounds([100]), np.arange(100)
    train = window_starts(offsets, 10, 5, stamps=stamps, span=(None, 59))
    validation = window_starts(offsets, 10, 5, stamps=stamps, span=(60, 79))
    assert train.max() + 10 + 4 == 59
    assert validation.min() + 10 == 60


def test_gathering_takes_history_and_what_follows() -> None:
    values = np.arange(20.0).reshape(10, 2)
    starts = np.array([0, 3])
    assert gather(values, starts, 3).shape == (2, 3, 2)
    assert gather(values[:, 0], starts, 2, offset=3).tolist() == [[6.0, 8.0], [12.0, 14.0]]


@pytest.mark.parametrize(("window", "horizon", "stride"), [(0, 1, 1), (1, -1, 1), (1, 1, 0)])
def test_impossible_windows_are_refused(window: int, horizon: int, stride: int) -> None:
    with pytest.raises(DataError, match="window"):
        window_starts(bounds([5]), window, horizon, stride=stride)
