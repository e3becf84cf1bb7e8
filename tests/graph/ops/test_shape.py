"""Ops that move values without changing them."""

from __future__ import annotations

import numpy as np
import pytest
from tests.graph.ops.running import run

CUBE = np.arange(24).reshape(2, 3, 4)


def test_values_are_joined_along_an_axis_counted_from_the_end() -> None:
    assert run("concat", [[1.0]], [[2.0, 3.0]]).tolist() == [[1.0, 2.0, 3.0]]
    assert run("concat", CUBE, CUBE, axis=-2).shape == (2, 6, 4)


def test_a_new_shape_keeps_the_batch_and_the_order() -> None:
    assert np.array_equal(run("reshape", CUBE, shape=[12]), CUBE.reshape(2, 12))
    assert run("reshape", [[5.0], [6.0]], shape=[]).tolist() == [5.0, 6.0]


def test_axes_change_places() -> None:
    assert np.array_equal(run("transpose", CUBE, axes=[0, 2, 1]), CUBE.transpose(0, 2, 1))


@pytest.mark.parametrize("axis", [1, -2])
@pytest.mark.parametrize(("start", "stop"), [(0, 2), (1, None), (-1, None), (0, -1), (-3, -1)])
def test_a_slice_is_cut_as_python_cuts(axis: int, start: int, stop: int | None) -> None:
    assert np.array_equal(run("slice", CUBE, axis=axis, start=start, stop=stop), CUBE[:, start:stop])


def test_a_cast_rounds_to_the_nearest_float32() -> None:
    found = run("cast", [0.1, 1e-50, 16777217.0], dtype="float32")
    assert found.dtype == np.float32
    assert found.tolist() == [np.float32(0.1), 0.0, 16777216.0]
