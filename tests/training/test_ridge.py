"""The solved map equals what least squares gives on all windows at once, and the penalty is chosen where it helps."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.linear_model import Ridge

from ambidex.training import moments, ridge
from ambidex.training.feed import Feed, Source
from ambidex.training.ridge import PENALTIES, solve_linear

Floats = npt.NDArray[np.float64]
WINDOW, HORIZON = 6, 3


def series(rng: np.random.Generator, *, rows: int = 300, columns: int = 1, noise: float = 0.1) -> Floats:
    """Waves with noise around a level."""
    steps = np.arange(rows)[:, None]
    return 2 + np.sin(steps / 5 + np.arange(columns)) + noise * rng.normal(size=(rows, columns))


def feed(values: Floats, *, targets: int = 1, center: Floats | None = None, scale: Floats | None = None) -> Feed:
    """Every window of a series."""
    array = values.astype(np.float32)
    starts = np.arange(len(values) - WINDOW - HORIZON + 1)
    return Feed(
        num_samples=len(starts),
        inputs={"history": Source(array=array, length=WINDOW, center=center, scale=scale)},
        target=Source(
            array=array[:, :targets],
            length=HORIZON,
            offset=WINDOW,
            center=None if center is None else center[:, :targets],
            scale=None if scale is None else scale[:, :targets],
        ),
        starts=starts,
    )


def rows_of(values: Floats, column: int) -> tuple[Floats, Floats]:
    """Windows (W, T) and futures (W, H) of one column."""
    parts = np.lib.stride_tricks.sliding_window_view(
        values[:, column].astype(np.float32).astype(np.float64), WINDOW + HORIZON
    )
    return parts[:, :WINDOW], parts[:, WINDOW:]


def referee(x: Floats, y: Floats, penalty: float) -> Ridge:
    return Ridge(alpha=penalty * float(x.var(axis=0).mean()) * len(x), solver="svd").fit(x, y)


@pytest.mark.parametrize("columns", [1, 3])
def test_the_map_is_ridge_regression_over_every_window_of_every_target(
    columns: int, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ridge, "PENALTIES", (1e-3,))
    values = series(rng, columns=columns)
    found = solve_linear(feed(values, targets=columns), feed(values, targets=columns), targets=columns)
    pairs = [rows_of(values, column) for column in range(columns)]
    x, y = (np.concatenate(part) for part in zip(*pairs, strict=True))
    expected = referee(x, y, 1e-3)
    assert found["kernel"].shape == (WINDOW, HORIZON)
    assert found["kernel"].dtype == found["bias"].dtype == np.float32
    assert np.abs(found["kernel"] - expected.coef_.T).max() < 1e-5
    assert np.abs(found["bias"] - expected.intercept_).max() < 1e-5


def test_sums_over_chunks_equal_one_sum(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    values = series(rng)
    scale = rng.uniform(1, 2, (len(rows_of(values, 0)[0]), 1))  # without a scale no chunks are made
    whole = feed(values, center=np.zeros_like(scale), scale=scale)
    expected = solve_linear(whole, whole, targets=1)
    monkeypatch.setattr(moments, "CHUNK", 7)
    found = solve_linear(whole, whole, targets=1)
    assert all(np.abs(found[name] - expected[name]).max() < 1e-6 for name in expected)


def test_the_penalty_with_the_smallest_error_on_validation_wins(rng: np.random.Generator) -> None:
    train, validation = series(rng, rows=40, noise=1.0), series(rng, rows=400, noise=1.0)
    found = solve_linear(feed(train), feed(validation), targets=1)
    (x, y), (later_x, later_y) = rows_of(train, 0), rows_of(validation, 0)
    maps = [referee(x, y, penalty) for penalty in PENALTIES]
    errors = [float(np.sum((each.predict(later_x) - later_y) ** 2)) for each in maps]
    best = maps[int(np.argmin(errors))]
    assert np.abs(found["kernel"] - best.coef_.T).max() < 1e-4
    assert int(np.argmin(errors)) > 0, "the smallest penalty is not always best"


def test_a_series_without_noise_is_continued_exactly(rng: np.random.Generator) -> None:
    values = series(rng, noise=0.0)
    found = solve_linear(feed(values), feed(values), targets=1)
    x, y = rows_of(values, 0)
    assert np.abs(x @ found["kernel"] + found["bias"] - y).max() < 1e-2


def test_past_covariates_are_left_out(rng: np.random.Generator) -> None:
    values = series(rng, columns=2)
    noise = np.concatenate([values[:, :1], 100 * rng.normal(size=(300, 1))], axis=1)
    found, expected = (solve_linear(feed(each), feed(each), targets=1) for each in (noise, values[:, :1]))
    assert all(np.array_equal(found[name], expected[name]) for name in expected)


def test_a_constant_history_is_no_obstacle() -> None:
    flat = feed(np.zeros((40, 1)))
    found = solve_linear(flat, flat, targets=1)
    assert np.all(np.isfinite(found["kernel"]))
    assert np.abs(found["kernel"]).max() < 1e-6


def test_windows_are_scaled_as_training_would(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ridge, "PENALTIES", (1e-3,))
    values = series(rng)
    x, y = rows_of(values, 0)
    center, scale = x[:, -1:], rng.uniform(1, 2, (len(x), 1))
    scaled = feed(values, center=center, scale=scale)
    found = solve_linear(scaled, scaled, targets=1)
    expected = referee((x - center) / scale, (y - center) / scale, 1e-3)
    assert np.abs(found["kernel"] - expected.coef_.T).max() < 1e-5
    assert np.abs(found["bias"] - expected.intercept_).max() < 1e-5
