"""Which windows of history and forecast a set of series has. Windows are index ranges; they are never copied out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ambidex.errors import DataError, expected


def window_starts(
    offsets: NDArray[np.int64],
    window: int,
    horizon: int,
    *,
    stamps: NDArray[np.int64] | None = None,
    span: tuple[int | None, int | None] = (None, None),
    stride: int = 1,
) -> NDArray[np.int64]:
    """First rows (W,) of all windows: history is `[s, s + window)`, the forecast `[s + window, s + window + horizon)`.

    `offsets` (S + 1,) bounds each series in the concatenated rows; no window crosses one. `span` limits the stamp of
    the first forecast step from below and of the last one from above (microseconds, inclusive; needs `stamps` (N,)).
    `stride` counts within each series from its first window in the span.
    """
    if window < 1 or horizon < 0 or stride < 1:
        got = f"window {window}, horizon {horizon}, stride {stride}"
        raise DataError(expected("a window and a stride of at least 1 and a horizon of at least 0", got=got))
    first, last = span
    if (first is not None or last is not None) and stamps is None:
        raise ValueError("span needs stamps")
    parts = []
    for begin, end in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
        low, high = begin, end - window - horizon  # the first and the last start that fit
        if stamps is not None and first is not None:
            low = max(low, begin + int(np.searchsorted(stamps[begin:end], first, side="left")) - window)
        if stamps is not None and last is not None:
            within = begin + int(np.searchsorted(stamps[begin:end], last, side="right"))
            high = min(high, within - window - horizon)
        parts.append(np.arange(low, high + 1, stride, dtype=np.int64))
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)


def gather(array: NDArray[Any], starts: NDArray[np.int64], length: int, *, offset: int = 0) -> NDArray[Any]:
    """Rows `start + offset … start + offset + length` of each start: (N, …) and (B,) give (B, length, …)."""
    rows = (starts + offset)[:, None] + np.arange(length, dtype=np.int64)  # (B, length)
    result: NDArray[Any] = array[rows]
    return result
