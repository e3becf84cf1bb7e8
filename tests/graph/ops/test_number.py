"""Numbers: what missing ones become, and that scaling is undone exactly."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn
from tests.graph.ops.running import run
from tests.tolerances import INVERSE_FLOAT64

NAN = math.nan
ORDINARY = st.floats(-1e6, 1e6)
SCALES = st.lists(st.floats(1e-3, 1e3), min_size=3, max_size=3)


@given(
    x=stn.arrays(np.float64, (4, 5, 3), elements=ORDINARY),
    center=st.lists(ORDINARY, min_size=3, max_size=3),
    scale=SCALES,
)
def test_unstandardizing_undoes_standardizing(x: Any, center: list[float], scale: list[float]) -> None:
    scaled = run("standardize", x, center=center, scale=scale)
    size = np.maximum(np.abs(x), np.abs(center))
    assert np.all(np.abs(run("unstandardize", scaled, center=center, scale=scale) - x) <= INVERSE_FLOAT64 * (1 + size))


def test_each_column_is_scaled_by_its_own_numbers() -> None:
    found = run("standardize", [[3.0, 3.0], [5.0, 1.0]], center=[1.0, 2.0], scale=[2.0, 0.5])
    assert found.tolist() == [[1.0, 2.0], [2.0, -2.0]]


def test_constants_take_the_precision_of_the_values() -> None:
    x = np.ones((2, 1), dtype=np.float32)
    assert run("standardize", x, center=[0.1], scale=[0.3]).dtype == np.float32
    assert run("unstandardize", x, center=[0.1], scale=[0.3]).dtype == np.float32
    assert run("impute", x, fill=[0.1]).dtype == np.float32


def test_missing_numbers_are_filled_and_marked() -> None:
    x = [[1.0, NAN], [NAN, 4.0]]
    assert run("impute", x, fill=[7.0, 8.0]).tolist() == [[1.0, 8.0], [7.0, 4.0]]
    assert run("is_missing", x).tolist() == [[0.0, 1.0], [1.0, 0.0]]


def test_columns_are_picked_in_the_order_asked_for() -> None:
    assert run("select", [[1.0, 2.0, 3.0]], columns=[2, 0, 2]).tolist() == [[3.0, 1.0, 3.0]]


@given(st.lists(st.floats(-1e30, 1e30), min_size=2, max_size=20, unique=True), st.floats(0.5, 10))
def test_a_smooth_clip_keeps_order_sign_and_bounds(values: list[float], limit: float) -> None:
    x = np.sort(np.array(values))
    found = run("smooth_clip", x, limit=limit)
    assert np.all(np.diff(found) >= -1e-14 * limit)
    assert np.all(np.abs(found) <= np.minimum(limit * (1 + 1e-12), np.abs(x)))
    assert np.all(np.sign(found) == np.sign(np.where(np.abs(x) > 0, x, found)))


def test_a_smooth_clip_leaves_small_numbers_nearly_alone() -> None:
    assert abs(float(run("smooth_clip", 0.1, limit=3.0)) - 0.1) < 1e-4
    assert float(run("smooth_clip", 3.0, limit=3.0)) == 3.0 / math.sqrt(2)


def test_a_temperature_divides_logits() -> None:
    assert run("temperature", [[2.0, -1.0]], temperature=2.0).tolist() == [[1.0, -0.5]]
