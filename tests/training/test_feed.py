"""Gathering: a sample of a table is a row, one of a series a window that is scaled by its own numbers."""

from __future__ import annotations

import numpy as np
import pytest

from ambidex.training.feed import Source, gather

ROWS = np.arange(20, dtype=np.float32).reshape(10, 2)
STARTS = np.array([0, 3, 5])
INDEX = np.array([2, 0])


def test_a_row_is_taken_by_its_number() -> None:
    assert gather(Source(array=ROWS), np.array([3, 3, 0]), None).tolist() == [[6, 7], [6, 7], [0, 1]]


def test_a_window_begins_at_its_start_and_its_offset() -> None:
    found = gather(Source(array=ROWS, length=2, offset=1), INDEX, STARTS)
    assert found.tolist() == [[[12, 13], [14, 15]], [[2, 3], [4, 5]]]


def test_a_window_is_scaled_by_the_numbers_of_its_sample() -> None:
    center, scale = np.array([[0, 1], [5, 5], [10, 11]]), np.array([[1, 1], [5, 5], [2, 4]])
    found = gather(Source(array=ROWS, length=2, center=center, scale=scale), INDEX, STARTS)
    assert found.tolist() == [[[0, 0], [1, 0.5]], [[0, 0], [2, 2]]]


@pytest.mark.parametrize("length", [0, 3])
def test_what_was_gathered_is_a_copy(length: int) -> None:
    found = gather(Source(array=ROWS, length=length), INDEX, STARTS)
    found[:] = -1
    assert ROWS.min() == 0
