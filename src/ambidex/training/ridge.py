"""Solves the linear map: ridge regression over every window, the penalty chosen on validation. Float64 NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ambidex.training.feed import Feed, Source, gather

Floats = npt.NDArray[np.float64]
PENALTIES: tuple[float, ...] = tuple(10.0**power for power in range(-6, 2))
"""Relative to the mean variance of a window's steps times the number of windows."""
CHUNK = 4096


def solve_linear(train: Feed, validation: Feed, *, targets: int) -> dict[str, npt.NDArray[np.float32]]:
    """The `kernel` (T, H) and `bias` (H,) of the map from window to horizon, shared by the targets.

    Minimises Σ ‖y - x K - b‖² + λ ‖K‖² (Hoerl & Kennard 1970), b unpenalised, from sums over chunks of windows: the
    windows are never all in memory. λ is the one with the smallest squared error on `validation`.
    """
    sums = _Sums(train, targets)
    best: tuple[float, Floats, Floats] | None = None
    check = _Sums(validation, targets) if validation.num_samples else sums
    for penalty in PENALTIES:
        kernel, bias = sums.solve(penalty)
        error = check.error(kernel, bias)
        if best is None or error < best[0]:
            best = (error, kernel, bias)
    assert best is not None
    return {"kernel": best[1].astype(np.float32), "bias": best[2].astype(np.float32)}


class _Sums:
    """Second moments of (x, 1, y) over all windows of a feed: enough to solve, and to score, any penalty."""

    def __init__(self, feed: Feed, targets: int) -> None:
        self._count = 0
        moments: Any = 0.0
        for x, y in _chunks(feed, targets):
            rows = np.concatenate([x, np.ones((len(x), 1)), y], axis=1)
            moments = moments + rows.T @ rows
            self._count += len(x)
            self._steps = x.shape[1]
        self._moments: Floats = moments

    def solve(self, penalty: float) -> tuple[Floats, Floats]:
        """Kernel (T, H) and bias (H,)."""
        size = self._steps + 1
        gram = self._moments[:size, :size].copy()
        strength = penalty * np.trace(gram[:-1, :-1]) / self._steps
        gram[np.arange(self._steps), np.arange(self._steps)] += max(strength, 1e-12)
        solution = np.linalg.lstsq(gram, self._moments[:size, size:], rcond=None)[0]
        return np.asarray(solution[:-1]), np.asarray(solution[-1])

    def error(self, kernel: Floats, bias: Floats) -> float:
        """The sum of squared errors of a map over all windows."""
        full = np.vstack([kernel, bias, -np.eye(kernel.shape[1])])
        return float(np.einsum("ij,ik,kj->", full, self._moments, full, optimize=True))


def _chunks(feed: Feed, targets: int) -> Any:
    """Windows (n · targets, T) and their futures (n · targets, H), some at a time."""
    (history,) = feed.inputs.values()
    assert feed.target is not None
    for start in range(0, feed.num_samples, CHUNK):
        index = np.arange(start, min(start + CHUNK, feed.num_samples))
        yield _rows(history, index, feed, targets), _rows(feed.target, index, feed, targets)


def _rows(source: Source, index: npt.NDArray[np.int64], feed: Feed, targets: int) -> Floats:
    windows = gather(source, index, feed.starts)[:, :, :targets].astype(np.float64)  # (n, T, targets)
    return windows.transpose(0, 2, 1).reshape(-1, windows.shape[1])
