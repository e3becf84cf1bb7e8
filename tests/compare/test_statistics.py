from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambidex.compare.statistics import Contrast, contrasts, gap, holm, interval, is_only_seen, log_ratios, paired_p

Floats = npt.NDArray[np.float64]


def logs(ratio: float, *, noise: float, runs: int = 9, seed: int = 0) -> Floats:
    return np.asarray(np.log(ratio) + np.random.default_rng(seed).normal(0, noise, runs))


def verdicts(*rows: Floats) -> list[Contrast]:
    return [contrast for contrast in contrasts(rows) if contrast is not None]


def test_a_steady_difference_of_20_percent_is_measurable() -> None:
    (found,) = verdicts(logs(1.2, noise=0.02))
    assert found.is_measurable
    assert found.ratio.low > 1
    assert found.ratio.median == pytest.approx(1.2, rel=0.03)


def test_a_sure_difference_below_5_percent_is_none() -> None:
    (found,) = verdicts(logs(1.04, noise=0.001))
    assert found.p < 0.001
    assert not found.is_measurable


def test_an_interval_that_holds_1_is_no_difference() -> None:
    (found,) = verdicts(np.array([0.3, -0.1, 0.2, 0.4, -0.2, 0.3, 0.1, -0.3, 0.2]))
    assert found.ratio.low < 1 < found.ratio.high
    assert not found.is_measurable


def test_more_rows_ask_for_more_certainty() -> None:
    row = np.log(1.1) + np.array([-0.12, -0.06, -0.02, 0.0, 0.01, 0.02, 0.03, 0.05, 0.09])
    (alone,) = verdicts(row)
    among_many = verdicts(row, *(logs(1.0, noise=0.1, seed=seed) for seed in range(10, 40)))[0]
    assert alone.is_measurable
    assert not among_many.is_measurable


def test_equal_columns_differ_in_no_row_in_19_of_20_comparisons() -> None:
    wrong = 0
    for comparison in range(20):
        rows = [logs(1.0, noise=0.15, seed=1000 * comparison + row) for row in range(16)]
        wrong += any(found.is_measurable for found in verdicts(*rows))
    assert wrong <= 1


def test_20_percent_among_equal_rows_are_found_in_19_of_20_comparisons() -> None:
    found = 0
    for comparison in range(20):
        rows = [logs(1.0, noise=0.05, seed=1000 * comparison + row) for row in range(15)]
        found += verdicts(logs(1.2, noise=0.05, seed=comparison), *rows)[0].is_measurable
    assert found >= 19


def test_the_verdict_is_the_same_from_both_sides() -> None:
    for seed in range(20):
        row = logs(1.15, noise=0.08, seed=seed)
        (one,), (other,) = verdicts(row), verdicts(-row)
        assert one.is_measurable is other.is_measurable
        assert gap(one.ratio.median) == pytest.approx(gap(other.ratio.median))


def test_a_row_without_runs_has_no_verdict() -> None:
    assert contrasts([np.empty(0), logs(1.5, noise=0.01)])[0] is None


def test_one_run_shows_nothing() -> None:
    (found,) = verdicts(np.array([np.log(3.0)]))
    assert found.p == 1
    assert not found.is_measurable


SEEN = np.log([3.4, 3.8, 4.7])


def test_intervals_apart_that_three_runs_cannot_confirm_are_seen() -> None:
    found = verdicts(SEEN, *(logs(1.0, noise=0.1, runs=3, seed=seed) for seed in range(15)))[0]
    assert not found.is_measurable
    assert is_only_seen(found, interval([6.6, 7.3, 11.9]), interval([1.9, 1.94, 2.5]))


def test_what_overlaps_or_lies_close_is_not_seen() -> None:
    (found, close) = verdicts(SEEN, np.log([1.01, 1.03, 1.06]))
    assert not is_only_seen(found, interval([2.0, 7.3, 11.9]), interval([1.9, 1.94, 2.5]))
    assert not is_only_seen(close, interval([1.02, 1.03, 1.04]), interval([0.99, 1.0, 1.01]))


def test_what_is_measurable_is_more_than_seen() -> None:
    (found,) = verdicts(logs(3.0, noise=0.02))
    assert not is_only_seen(found, interval([3.0, 3.1]), interval([1.0, 1.1]))


def test_one_run_is_not_enough_to_see() -> None:
    (found,) = verdicts(np.log([3.0]))
    assert not is_only_seen(found, interval([3.0]), interval([1.0]))


def test_values_equal_in_every_run_are_no_difference() -> None:
    assert paired_p(np.zeros(9)) == 1
    assert paired_p(np.full(9, 0.7)) == 0


def test_the_t_test_is_the_usual_one() -> None:
    from scipy.stats import ttest_1samp

    row = logs(1.1, noise=0.1)
    assert paired_p(row) == pytest.approx(ttest_1samp(row, 0.0).pvalue)


def test_turns_are_paired_with_their_neighbours() -> None:
    ours = {0: np.array([2.0, 20.0, 2.0])}
    theirs = {0: np.array([1.0, 10.0, 1.0]), 1: np.array([1.0])}
    assert log_ratios(ours, theirs).tolist() == pytest.approx([np.log(2)])


def test_values_that_are_not_positive_have_no_quotient() -> None:
    assert len(log_ratios({0: np.array([0.0])}, {0: np.array([1.0])})) == 0


def test_holm_multiplies_the_smallest_by_their_number() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_corrected_p_values_are_never_smaller(p_values: list[float]) -> None:
    for before, after in zip(p_values, holm(p_values), strict=True):
        assert before <= after <= 1


@given(st.lists(st.floats(0.001, 1000), min_size=1, max_size=12))
def test_an_interval_holds_its_median(values: list[float]) -> None:
    found = interval(values)
    assert min(values) <= found.low <= found.median <= found.high <= max(values)
    assert found == interval(values)
