"""Scalings along time: every one has an inverse, also for zero, negative and missing values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn
from tests.graph.ops.running import run
from tests.tolerances import INVERSE_FLOAT64

from ambidex.graph.ops.series import symmetric_exp, symmetric_log

NAN = math.nan
LEVELS = st.one_of(st.just(0.0), st.floats(-1e6, 1e6), st.floats(-1e-3, 1e-3))
SERIES = stn.arrays(np.float64, (2, 9, 3), elements=LEVELS)
FLOORS = st.lists(st.floats(1e-3, 1e3), min_size=3, max_size=3)


def is_close(found: Any, expected: Any, size: Any) -> bool:
    """Whether two arrays differ by less than the rounding of numbers of that size."""
    return bool(np.all(np.abs(found - expected) <= INVERSE_FLOAT64 * (1 + np.abs(size).max())))


@given(SERIES)
def test_running_sums_undo_differences(x: Any) -> None:
    history, future = x[:, :5], x[:, 5:]
    steps = run("difference", x)[:, 4:]
    assert is_close(run("undifference", steps, history), future, x)


@given(SERIES, FLOORS)
def test_unlog_ratio_undoes_log_ratio_for_every_sign(x: Any, floor: list[float]) -> None:
    history, future = x[:, :5], x[:, 5:]
    ratios = run("log_ratio", x, floor=floor)[:, 4:]
    assert is_close(run("unlog_ratio", ratios, history, floor=floor), future, x)


@given(stn.arrays(np.float64, 20, elements=st.floats(-1e100, 1e100)), st.floats(1e-6, 1e6))
def test_the_symmetric_logarithm_has_an_exact_inverse_and_keeps_sign_and_order(x: Any, floor: float) -> None:
    x = np.sort(x)
    y = symmetric_log(x, np.asarray(floor))
    assert np.all(np.diff(y) >= 0)
    assert np.array_equal(symmetric_log(-x, np.asarray(floor)), -y)
    assert np.all(np.abs(symmetric_exp(y, np.asarray(floor)) - x) <= INVERSE_FLOAT64 * (np.abs(x) + floor))


@given(stn.arrays(np.float64, 20, elements=st.floats(-1e3, 1e3)))
def test_the_symmetric_logarithm_is_the_inverse_hyperbolic_sine(x: Any) -> None:
    assert symmetric_log(x, np.asarray(2.0)) == pytest.approx(np.arcsinh(x / 2), rel=1e-12, abs=1e-12)


def test_for_positive_values_far_above_the_floor_a_log_ratio_is_one() -> None:
    found = run("log_ratio", [[[2.0], [3.0], [1.5]]], floor=[1e-6])
    assert found[0, :, 0] == pytest.approx([math.log(1.5), math.log(0.5)], abs=1e-12)


def test_differences_lose_the_first_step() -> None:
    assert run("difference", [[[1.0, 5.0], [4.0, 5.0], [2.0, 0.0]]]).tolist() == [[[3.0, 0.0], [-2.0, -5.0]]]


@given(stn.arrays(np.float64, (3, 4, 2)))
def test_unfolding_undoes_folding(x: Any) -> None:
    folded = run("fold", x, channels=2)
    assert folded.shape == (6, 4, 1)
    assert np.array_equal(folded[1, :, 0], x[0, :, 1], equal_nan=True)
    assert np.array_equal(run("unfold", folded, channels=2), x, equal_nan=True)


def test_a_window_has_a_last_value_a_mean_and_a_deviation() -> None:
    window = [[[1.0, 5.0], [3.0, 5.0]]]
    assert run("window_last", window).tolist() == [[[3.0, 5.0]]]
    assert run("window_mean", window).tolist() == [[[2.0, 5.0]]]
    assert run("window_scale", window, minimum=0.25).tolist() == [[[1.0, 0.25]]]


@pytest.mark.parametrize(
    ("steps", "filled"),
    [
        ([1, NAN, NAN, 4], [1, 1, 1, 4]),
        ([NAN, NAN, 3, NAN], [3, 3, 3, 3]),
        ([NAN, NAN, NAN, NAN], [0, 0, 0, 0]),
        ([1, 2, 3, 4], [1, 2, 3, 4]),
        ([NAN, 2, NAN, 4], [2, 2, 2, 4]),
    ],
)
def test_a_gap_takes_the_last_known_value(steps: list[float], filled: list[float]) -> None:
    both = np.stack([np.array(steps, dtype=float), np.arange(4.0)], axis=-1)[None]
    found = run("fill_steps", both)
    assert found[0, :, 0].tolist() == filled
    assert found[0, :, 1].tolist() == [0, 1, 2, 3]


@given(stn.arrays(np.float64, (2, 6, 2), elements=st.one_of(st.just(NAN), st.floats(-9, 9))))
def test_filling_agrees_with_filling_step_by_step(x: Any) -> None:
    expected = x.copy()
    for column in (expected[b, :, f] for b in range(2) for f in range(2)):
        known = column[~np.isnan(column)]
        last = known[0] if len(known) else 0.0
        for step in range(len(column)):
            last = column[step] if column[step] == column[step] else last
            column[step] = last
    assert np.array_equal(run("fill_steps", x), expected)


def test_quantiles_are_put_in_order() -> None:
    assert run("sort", [[[3.0, 1.0, 2.0]]]).tolist() == [[[1.0, 2.0, 3.0]]]
