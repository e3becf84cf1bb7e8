"""Solves the linear map: ridge regression over every window, the penalty chosen on validation. Float64 NumPy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ambidex.training.feed import Feed
from ambidex.training.moments import Moments, window_moments

Floats = npt.NDArray[np.float64]
PENALTIES: tuple[float, ...] = tuple(10.0**power for power in range(-6, 2))
"""Relative to the mean variance of a window's steps times the number of windows: scale-free."""


def solve_linear(train: Feed, validation: Feed, *, targets: int) -> dict[str, npt.NDArray[np.float32]]:
    """The `kernel` (T, H) and `bias` (H,) of the map from window to horizon, shared by the targets.

    Minimises Σ ‖y - x K - b‖² + λ ‖K‖² (Hoerl & Kennard 1970), b unpenalised, from sums over chunks of windows: the
    windows are never all in memory. λ is the one with the smallest squared error on `validation`.
    """
    sums = window_moments(train, targets)
    check = window_moments(validation, targets) if validation.num_samples else sums
    kernel, bias = min(_solutions(sums), key=lambda solution: _error(check, *solution))
    return {"kernel": kernel.astype(np.float32), "bias": bias.astype(np.float32)}


def _solutions(sums: Moments) -> list[tuple[Floats, Floats]]:
    """Kernel (T, H) and bias (H,) for each penalty, from one eigenvalue decomposition of the covariance of x."""
    steps = sums.steps
    mean = sums.first / sums.count  # of (x, y)
    centered = sums.second - sums.count * np.outer(mean, mean)
    values, vectors = np.linalg.eigh(centered[:steps, :steps])
    along = vectors.T @ centered[:steps, steps:]  # (T, H)
    size = max(float(values.sum()) / steps, 1e-300)
    solutions = []
    for penalty in PENALTIES:
        kernel = vectors @ (along / (np.maximum(values, 0.0) + penalty * size)[:, None])
        solutions.append((kernel, mean[steps:] - mean[:steps] @ kernel))
    return solutions


def _error(sums: Moments, kernel: Floats, bias: Floats) -> float:
    """The sum of squared errors x K + b - y of a map over all windows."""
    map_of = np.vstack([kernel, -np.eye(len(bias))])  # (x, y) times it is the error without b
    squares = np.sum(map_of * (sums.second @ map_of))
    return float(squares + 2 * (sums.first @ map_of) @ bias + sums.count * (bias @ bias))
