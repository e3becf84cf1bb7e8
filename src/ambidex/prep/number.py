"""Numbers and flags: the median for what is missing, an indicator that it was, a robust scale, a smooth clip."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ambidex.graph import Builder

Floats = npt.NDArray[np.float64]
CLIP_LIMIT = 3.0
"""In robust deviations: nearly linear for ordinary values, and no outlier moves a prediction without bound."""


def add_numbers(builder: Builder, value: str, sample: Floats, *, prefix: str = "") -> list[str]:
    """Adds the steps for numbers (B, n) fitted on `sample` (N, n); returns float64 values (B, …) to concatenate."""
    fill = _medians(sample)
    center, scale = robust_scale(sample, fill)
    x = builder.add("prepare", f"{prefix}imputed", "impute", value, fill=fill.tolist())
    x = builder.add("prepare", f"{prefix}scaled", "standardize", x, center=center.tolist(), scale=scale.tolist())
    x = builder.add("prepare", f"{prefix}clipped", "smooth_clip", x, limit=CLIP_LIMIT)
    gaps = np.flatnonzero(np.isnan(sample).any(axis=0))
    if len(gaps) == 0:
        return [x]
    raw = builder.add("prepare", f"{prefix}with_gaps", "select", value, columns=gaps.tolist())
    return [x, builder.add("prepare", f"{prefix}is_missing", "is_missing", raw)]


def _medians(sample: Floats) -> Floats:
    """Per column, 0 where nothing is known."""
    return np.array([np.median(known) if len(known) else 0.0 for known in _known(sample)])


def robust_scale(sample: Floats, center: Floats) -> tuple[Floats, Floats]:
    """Center and scale per column: the inter-quartile range, else the standard deviation, else 1.

    The range is divided by 1.349, its value for a unit normal, so that the scale estimates a standard deviation.
    """
    scale = np.ones(sample.shape[1])
    for position, known in enumerate(_known(sample)):
        if len(known) == 0:
            continue
        low, high = np.percentile(known, [25, 75])
        if high > low:
            scale[position] = (high - low) / 1.349
        elif known.std() > 0:
            scale[position] = known.std()
    return center, scale


def _known(sample: Floats) -> list[Floats]:
    return [column[~np.isnan(column)] for column in sample.T]
