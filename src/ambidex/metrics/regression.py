"""Measures of predicted numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def regression_metrics(actual: Floats, predicted: Floats, names: Sequence[str]) -> dict[str, float]:
    """Root mean squared error, mean absolute error and R² of (N, targets), averaged over targets.

    With several targets each one's own measure is added as `rmse:NAME`. R² of a constant target is left out.
    """
    each: dict[str, list[tuple[str, float]]] = {"rmse": [], "mae": [], "r2": []}
    for column, name in enumerate(names):
        error = predicted[:, column] - actual[:, column]
        spread = float(np.sum((actual[:, column] - actual[:, column].mean()) ** 2))
        each["rmse"].append((name, float(np.sqrt(np.mean(error**2)))))
        each["mae"].append((name, float(np.mean(np.abs(error)))))
        if spread > 0:
            each["r2"].append((name, 1 - float(np.sum(error**2)) / spread))
    return averaged(each)


def averaged(each: dict[str, list[tuple[str, float]]]) -> dict[str, float]:
    """The mean over targets of every measure, and each target's own where there are several."""
    metrics = {measure: float(np.mean([value for _, value in values])) for measure, values in each.items() if values}
    for measure, values in each.items():
        if len(values) > 1:
            metrics |= {f"{measure}:{name}": value for name, value in values}
    return metrics
