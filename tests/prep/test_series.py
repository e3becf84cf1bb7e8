"""Every scaling of a series is undone exactly: the true future, as a perfect network would forecast it, comes back."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn
from tests.prep.scaling import CASES, HORIZON, KINDS, TARGETS, Case, built, encoded_future, stamps
from tests.tolerances import INVERSE_FLOAT64

from ambidex.graph import decode, infer_values, prepare
from ambidex.graph.op import Array
from ambidex.prep.series import MIN_WINDOW_SCALE

WINDOW = 6
LEVELS = st.one_of(st.just(0.0), st.floats(-1e4, 1e4), st.floats(-1e-2, 1e-2))


def round_trip(case: Case, whole: Array) -> dict[str, Array]:
    graph = built(case)
    past = whole[:, :-HORIZON]
    history = prepare(graph, {"numbers": past, "times": stamps(len(past), past.shape[1])})
    return decode(graph, {"raw": encoded_future(case, graph, whole, history)}, history)


def assert_exact(case: Case, whole: Array) -> None:
    found = round_trip(case, whole)
    for position, name in enumerate(("load", "price")):
        expected = whole[:, -HORIZON:, position]
        bound = INVERSE_FLOAT64 * (1 + np.abs(whole).max())
        assert found[name].shape == expected.shape
        assert np.abs(found[name] - expected).max() <= bound
        if case.quantiles:
            levels = found[f"{name}_quantiles"]
            assert levels.shape == (*expected.shape, len(case.quantiles))
            assert np.abs(levels - expected[..., None]).max() <= bound


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_true_future_comes_back(case: Case, rng: np.random.Generator) -> None:
    steps = WINDOW + HORIZON + case.scaling().lost_steps
    walk = np.cumsum(rng.normal(size=(4, steps, case.columns)), axis=1)
    walk[1] = 0.0
    walk[2] = -np.abs(walk[2])
    walk[3] = 50 + walk[3] ** 2
    assert_exact(case, walk)


@settings(max_examples=40)
@given(case=st.sampled_from(CASES), data=st.data())
def test_the_true_future_comes_back_for_any_numbers(case: Case, data: st.DataObject) -> None:
    steps = WINDOW + HORIZON + case.scaling().lost_steps
    assert_exact(case, data.draw(stn.arrays(np.float64, (2, steps, case.columns), elements=LEVELS)))


@pytest.mark.parametrize("case", KINDS, ids=str)
@pytest.mark.parametrize("length", [2, 5, 40])
def test_a_history_of_any_length_is_answered(case: Case, length: int, rng: np.random.Generator) -> None:
    steps = length + case.scaling().lost_steps
    assert_exact(case, rng.normal(size=(3, steps + HORIZON, TARGETS)))


@pytest.mark.parametrize("case", CASES[::3], ids=str)
def test_what_the_network_reads_has_the_promised_shape(case: Case, rng: np.random.Generator) -> None:
    graph, scaling = built(case), case.scaling()
    steps = WINDOW + scaling.lost_steps
    numbers = rng.normal(size=(4, steps, case.columns))
    history = prepare(graph, {"numbers": numbers, "times": stamps(4, steps)})["history"]
    samples = 4 * TARGETS if case.is_folded else 4
    assert history.shape == (samples, WINDOW, scaling.channels)
    assert history.dtype == np.float32
    known = infer_values(msgspec.structs.replace(graph, raw_outputs=(), decode=(), outputs={}))["history"]
    assert known.shape[0] == (f"{TARGETS}*B" if case.is_folded else "B")
    assert known.shape[1:] == ("T-1" if scaling.lost_steps else "T", scaling.channels)


def history_of(case: Case, numbers: Any) -> Array:
    steps = np.shape(numbers)[1]
    return prepare(built(case), {"numbers": np.asarray(numbers, dtype=np.float64), "times": stamps(1, steps)})[
        "history"
    ]


def test_a_window_scaled_by_itself_does_not_depend_on_level_and_size(rng: np.random.Generator) -> None:
    case = Case("instance", "mean", True)
    window = rng.normal(size=(1, 8, TARGETS))
    assert history_of(case, window) == pytest.approx(history_of(case, 1000 + 30 * window), abs=1e-5)


def test_a_window_that_hardly_moves_is_not_blown_up() -> None:
    flat = np.zeros((1, 8, TARGETS))
    flat[0, 4, 0] = 1e-6
    assert np.abs(history_of(Case("instance", "last", True), flat)).max() < 1e-6 / MIN_WINDOW_SCALE


def test_a_history_centred_on_its_last_value_ends_at_zero(rng: np.random.Generator) -> None:
    assert history_of(Case("instance", "last"), rng.normal(size=(1, 8, TARGETS)))[0, -1].tolist() == [0, 0]


def test_past_covariates_keep_their_values_where_targets_become_steps(rng: np.random.Generator) -> None:
    case = Case("difference", has_past=True)
    numbers = rng.normal(size=(1, 7, 3))
    found, scaling = history_of(case, numbers)[0], case.scaling()
    assert found[:, 2] == pytest.approx((numbers[0, 1:, 2] - scaling.center[2]) / scaling.scale[2], abs=1e-6)
    steps = np.diff(numbers[0, :, :2], axis=0)
    assert found[:, :2] == pytest.approx((steps - scaling.center[:2]) / scaling.scale[:2], abs=1e-5)


def test_a_gap_in_the_history_is_carried_over() -> None:
    gap = np.array([[[1.0, 5.0], [np.nan, 6.0], [3.0, np.nan]]])
    full = np.array([[[1.0, 5.0], [1.0, 6.0], [3.0, 6.0]]])
    assert np.array_equal(history_of(Case("standardize"), gap), history_of(Case("standardize"), full))


def test_folded_targets_are_samples_side_by_side(rng: np.random.Generator) -> None:
    numbers = rng.normal(size=(3, 7, TARGETS))
    inputs = {"numbers": numbers, "times": stamps(3, 7)}
    joint = prepare(built(Case("standardize")), inputs)["history"]
    folded = prepare(built(Case("standardize", is_folded=True)), inputs)["history"]
    assert np.array_equal(folded[2 * TARGETS + 1, :, 0], joint[2, :, 1])
