"""Batches: every sample at most once, the same in every engine and in every resumed run."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambidex.errors import UsageError
from ambidex.training.order import batch_order

SIZES = st.integers(1, 400)


@given(num_samples=SIZES, batch_size=SIZES, accumulate=st.integers(1, 5), epoch_samples=st.integers(0, 400))
def test_no_sample_comes_twice_and_every_batch_is_full(
    num_samples: int, batch_size: int, accumulate: int, epoch_samples: int
) -> None:
    count = min(num_samples, epoch_samples or num_samples)
    if count < accumulate:
        return
    order = batch_order(num_samples, batch_size, seed=1, epoch=1, accumulate=accumulate, epoch_samples=epoch_samples)
    steps, size = order.shape
    assert order.dtype == np.int64
    assert len(np.unique(order)) == order.size <= count
    assert order.min() >= 0
    assert order.max() < num_samples
    assert steps > 0
    assert steps % accumulate == 0
    assert size == min(batch_size, count // accumulate)
    assert count - order.size < size * accumulate


def test_the_draw_depends_on_seed_and_epoch_alone() -> None:
    first = batch_order(100, 7, seed=3, epoch=2)
    batch_order(100, 9, seed=5, epoch=1)
    assert np.array_equal(first, batch_order(100, 7, seed=3, epoch=2))
    assert not np.array_equal(first, batch_order(100, 7, seed=3, epoch=3))
    assert not np.array_equal(first, batch_order(100, 7, seed=4, epoch=2))


def test_the_batch_size_cuts_one_and_the_same_shuffle() -> None:
    whole = batch_order(100, 100, seed=3, epoch=2)[0]
    assert np.array_equal(batch_order(100, 10, seed=3, epoch=2).ravel(), whole)


def test_every_sample_has_its_turn_though_an_epoch_leaves_some_out() -> None:
    seen = {int(sample) for epoch in range(1, 20) for sample in batch_order(10, 4, seed=0, epoch=epoch).ravel()}
    assert seen == set(range(10))


def test_fewer_samples_than_a_batch_make_one_batch() -> None:
    assert batch_order(3, 256, seed=0, epoch=1).shape == (1, 3)


def test_batches_shrink_so_that_an_update_has_all_of_its_batches() -> None:
    assert batch_order(10, 256, seed=0, epoch=1, accumulate=4).shape == (4, 2)


def test_steps_that_fill_no_update_are_left_out() -> None:
    assert batch_order(70, 10, seed=0, epoch=1, accumulate=3).shape == (6, 10)


def test_more_batches_in_an_update_than_samples_cannot_be_meant() -> None:
    with pytest.raises(UsageError) as caught:
        batch_order(3, 8, seed=0, epoch=1, accumulate=4)
    assert str(caught.value) == (
        "Expected accumulate of at most 3, got 4 at accumulate. An update needs a sample for each of its batches."
    )
