"""First and second moments of all windows of a series, without making the windows. Float64 NumPy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ambidex.training.feed import Feed, Source, gather

Floats = npt.NDArray[np.float64]
CHUNK = 1024
"""Windows whose rows are in memory at once where they have to be made."""


@dataclass(kw_only=True)
class Moments:
    """Sums over windows z = (x, y) of `steps` = T values of history and H of horizon: Σ 1, Σ z (T + H,), Σ z zᵀ."""

    steps: int
    count: float
    first: Floats
    second: Floats

    def add(self, count: float, first: Floats, second: Floats) -> None:
        """Adds the sums of more windows."""
        self.count += count
        self.first += first
        self.second += second


def window_moments(feed: Feed, targets: int) -> Moments:
    """The moments over every window and each of the first `targets` columns, which count as windows of their own.

    Where windows begin at every row of a stretch and none has a scale of its own, which is the usual case, they cost
    O(rows · L + L²) for windows of L values instead of O(rows · L²).
    """
    (history,) = feed.inputs.values()
    target, starts = feed.target, feed.starts
    assert target is not None
    assert starts is not None
    size = history.length + target.length
    sums = Moments(steps=history.length, count=0.0, first=np.zeros(size), second=np.zeros((size, size)))
    bounds = [0, *(np.flatnonzero(np.diff(starts) != 1) + 1).tolist(), len(starts)]
    if not _slides(history, target, targets) or len(starts) < size * (len(bounds) - 1):
        for rows in _chunks(history, target, feed, targets):
            sums.add(len(rows), rows.sum(axis=0), rows.T @ rows)
        return sums
    for begin, end in pairwise(bounds):
        stretch = slice(int(starts[begin]), int(starts[begin]) + end - begin + size - 1)
        for column in range(targets):
            values = target.array[stretch, column].astype(np.float64)
            center = np.zeros(end - begin)
            if target.center is not None:
                center = target.center[begin:end, column].astype(np.float64)
            sums.add(end - begin, *sliding_moments(values, center, size))
    return sums


def sliding_moments(values: Floats, center: Floats, size: int) -> tuple[Floats, Floats]:
    """Σ z (L,) and Σ z zᵀ (L, L) over the windows z = values[s : s + L] - center[s] that begin at s = 0 … n - 1.

    Without centers R[i, j] = Σ v[s+i] v[s+j], and one step along the diagonal only drops the first product and takes
    in a new last one: R[i+1, j+1] = R[i, j] + v[n+i] v[n+j] - v[i] v[j]. The first row is a correlation. Then
    Σ (z - c)(z - c)ᵀ = R - u 1ᵀ - 1 uᵀ + (Σ c²) 1 1ᵀ with u[i] = Σ c[s] v[s+i].
    """
    count = len(center)
    second = np.empty((size, size))
    second[0] = np.correlate(values, values[:count], "valid")
    second[1:, 0] = second[0, 1:]
    change = np.outer(values[count:], values[count:]) - np.outer(values[: size - 1], values[: size - 1])
    for i in range(size - 1):
        second[i + 1, 1:] = second[i, :-1] + change[i]
    with_center = np.correlate(values, center, "valid")
    first = np.correlate(values, np.ones(count), "valid") - center.sum()
    return first, second - with_center[:, None] - with_center + center @ center


def _slides(history: Source, target: Source, targets: int) -> bool:
    """Whether history and horizon are one stretch of the same values with the same center, and no scale."""
    is_scaled = any(source.scale is not None and (source.scale != 1).any() for source in (history, target))
    is_one = target.offset == history.length and history.offset == 0
    return is_one and not is_scaled and np.array_equal(history.array[:, :targets], target.array[:, :targets])


def _chunks(history: Source, target: Source, feed: Feed, targets: int) -> Iterator[Floats]:
    """Windows and their futures side by side, (n · targets, T + H), some at a time."""
    for start in range(0, feed.num_samples, CHUNK):
        index = np.arange(start, min(start + CHUNK, feed.num_samples))
        parts = [gather(source, index, feed.starts)[:, :, :targets] for source in (history, target)]
        joined = np.concatenate(parts, axis=1).astype(np.float64)  # (n, T + H, targets)
        yield joined.transpose(0, 2, 1).reshape(-1, joined.shape[1])
