"""What an engine is given to learn from: whole arrays, and how a sample is gathered from them by its number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Source:
    """One tensor of a sample.

    With `length` 0 (a table), sample i is `array[i]`: (N, …) to (B, …). Otherwise (a series) `array` is (N, F) and
    sample i is the window `array[s : s + length]` with s = starts[i] + offset: (B, length, F). Where `center` and
    `scale` (samples, F) are given, the window becomes (window - center[i]) / scale[i]: scaling that belongs to each
    window. It is applied in float32 to values already standardized as a series, which loses about 1e-7 · |x| / scale
    against the float64 of serving: far below the noise of a gradient step.
    """

    array: Array
    length: int = 0
    offset: int = 0
    center: Array | None = None
    scale: Array | None = None


@dataclass(frozen=True, kw_only=True)
class Feed:
    """Samples: the network's inputs by their prepared names, the encoded target, and a weight for each.

    `target` is None where only predictions are wanted. `weight` is (samples,) float32 or None for equal ones.
    `starts` is (samples,) int64 for windows, None for tables.
    """

    num_samples: int
    inputs: Mapping[str, Source]
    target: Source | None = None
    weight: Array | None = None
    starts: Array | None = None


def gather(source: Source, index: npt.NDArray[np.int64], starts: Array | None) -> Array:
    """The samples `index` of a source: the NumPy edition of what every engine does on its device."""
    if source.length == 0:
        return np.asarray(source.array[index])
    assert starts is not None
    steps = starts[index][:, None] + np.arange(source.offset, source.offset + source.length)
    windows = source.array[steps]  # (B, T, F)
    if source.center is None or source.scale is None:
        return np.asarray(windows)
    return np.asarray((windows - source.center[index][:, None]) / source.scale[index][:, None])
