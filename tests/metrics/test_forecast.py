"""Measures of forecasts by hand, and that adding windows in parts changes nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, mean_pinball_loss, mean_squared_error

from ambidex.metrics.forecast import ForecastSums, Yardstick, yardstick

RULE = Yardstick(deviation=(2.0,), naive_absolute=(4.0,), naive_squared=(25.0,), season=1)
TWO = Yardstick(deviation=(2.0, 3.0), naive_absolute=(4.0, 1.0), naive_squared=(25.0, 2.0), season=1)


def measured(actual: Any, forecast: Any, last: Any, rule: Yardstick = RULE) -> dict[str, float]:
    names = ["a", "b"][: len(rule.deviation)]
    sums = ForecastSums(names, rule)
    sums.add(*(np.asarray(each, dtype=np.float64) for each in (actual, forecast, last)))
    return sums.metrics()


def test_every_measure_by_hand() -> None:
    # One window of three steps after a last value of 10: errors 1, -2, 3.
    found = measured([[[11], [8], [10]]], [[[12], [6], [13]]], [[10]])
    assert found == pytest.approx(
        {
            "mse": 14 / 3,
            "rmse": (14 / 3) ** 0.5,
            "mae": 2.0,
            "smape": 100 * (2 / 23 + 4 / 14 + 6 / 23) / 3,
            "mase": 2 / 4,
            "rmsse": (14 / 3 / 25) ** 0.5,
            "directional_accuracy": 1.0,
            "mse_scaled": 14 / 3 / 4,
            "mae_scaled": 1.0,
        }
    )


def test_a_step_that_does_not_move_has_no_direction() -> None:
    # Up and right, unchanged, down and wrong, up and forecast as unchanged.
    found = measured([[[11], [10], [9], [12]]], [[[10.5], [99], [11], [10]]], [[10]])
    assert found["directional_accuracy"] == pytest.approx(1 / 3)


def test_nothing_moves_so_there_is_no_direction_to_report() -> None:
    assert "directional_accuracy" not in measured([[[5], [5]]], [[[4], [6]]], [[5]])


def test_two_zeros_differ_by_nothing() -> None:
    assert measured([[[0], [1]]], [[[0], [1]]], [[0]])["smape"] == 0
    assert measured([[[0], [0]]], [[[1], [-1]]], [[0]])["smape"] == 200


def test_a_yardstick_of_zero_measures_nothing() -> None:
    flat = Yardstick(deviation=(0.0,), naive_absolute=(0.0,), naive_squared=(0.0,), season=1)
    assert set(measured([[[1]]], [[[2]]], [[0]], flat)) == {"mse", "rmse", "mae", "smape", "directional_accuracy"}


def test_squares_and_amounts_agree_with_scikit_learn(rng: np.random.Generator) -> None:
    actual, forecast, last = rng.normal(size=(7, 5, 2)), rng.normal(size=(7, 5, 2)), rng.normal(size=(7, 2))
    found = measured(actual, forecast, last, TWO)
    for position, name in enumerate("ab"):
        pair = actual[:, :, position].ravel(), forecast[:, :, position].ravel()
        assert found[f"mse:{name}"] == pytest.approx(mean_squared_error(*pair))
        assert found[f"mae:{name}"] == pytest.approx(mean_absolute_error(*pair))
    assert found["mse"] == pytest.approx((found["mse:a"] + found["mse:b"]) / 2)
    assert found["mase"] == pytest.approx((found["mae:a"] / 4 + found["mae:b"] / 1) / 2)


def test_windows_may_be_added_in_parts(rng: np.random.Generator) -> None:
    actual, forecast, last = rng.normal(size=(7, 5, 2)), rng.normal(size=(7, 5, 2)), rng.normal(size=(7, 2))
    quantiles = rng.normal(size=(7, 5, 2, 3))
    whole, parts = (ForecastSums(["a", "b"], TWO, (0.1, 0.5, 0.9)) for _ in range(2))
    whole.add(actual, forecast, last, quantiles)
    for part in (slice(0, 1), slice(1, 5), slice(5, 7)):
        parts.add(actual[part], forecast[part], last[part], quantiles[part])
    assert parts.windows == whole.windows == 7
    assert parts.metrics() == pytest.approx(whole.metrics(), rel=1e-12)


def test_quantiles_are_judged_by_pinball_loss_and_coverage(rng: np.random.Generator) -> None:
    levels = (0.1, 0.5, 0.9)
    actual = rng.normal(size=(50, 4, 1))
    quantiles = np.sort(rng.normal(size=(50, 4, 1, 3)), axis=-1)
    sums = ForecastSums(["a"], RULE, levels)
    sums.add(actual, quantiles[..., 1], np.zeros((50, 1)), quantiles)
    found = sums.metrics()
    flat = actual.ravel()
    each = [mean_pinball_loss(flat, quantiles[..., n].ravel(), alpha=level) for n, level in enumerate(levels)]
    assert found["pinball"] == pytest.approx(np.mean(each))
    inside = (actual[..., 0] >= quantiles[..., 0, 0]) & (actual[..., 0] <= quantiles[..., 0, 2])
    assert found["coverage"] == pytest.approx(inside.mean())


def test_the_yardstick_is_the_naive_error_of_the_training_rows() -> None:
    first, second = np.array([[1.0], [2.0], [4.0], [8.0]]), np.array([[0.0], [3.0]])
    found = yardstick([first, second], 1)
    assert found.naive_absolute == pytest.approx(((1 + 2 + 4 + 3) / 4,))
    assert found.naive_squared == pytest.approx(((1 + 4 + 16 + 9) / 4,))
    assert found.deviation == pytest.approx((np.std([1, 2, 4, 8, 0, 3]),))


def test_a_season_compares_with_the_step_one_season_back() -> None:
    wave = np.tile([[1.0], [5.0], [9.0]], (4, 1))
    assert yardstick([wave], 3).naive_absolute == (0.0,)
    assert yardstick([wave, np.array([[7.0]])], 3).naive_squared == (0.0,)


def test_series_shorter_than_the_season_leave_nothing_to_measure_by() -> None:
    assert yardstick([np.array([[1.0], [2.0]])], 5).naive_absolute == (0.0,)


def test_repeating_the_last_value_has_a_scaled_error_of_one(rng: np.random.Generator) -> None:
    walk = np.cumsum(rng.normal(size=(400, 1)), axis=0)
    rule = yardstick([walk], 1)
    sums = ForecastSums(["a"], rule)
    sums.add(walk[1:, None], walk[:-1, None], walk[:-1])
    assert sums.metrics()["mase"] == pytest.approx(1)
    assert sums.metrics()["rmsse"] == pytest.approx(1)
