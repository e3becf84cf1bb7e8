"""Measures of forecasts, added up over windows so that no more than some of them are ever in memory."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from ambidex.metrics.regression import averaged

Floats = npt.NDArray[np.float64]


class Yardstick(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What errors are measured by, from training rows, per target.

    `deviation` is the standard deviation; `naive_absolute` and `naive_squared` are the mean absolute and squared
    error of repeating the value `season` steps back (Hyndman & Koehler 2006).
    """

    deviation: tuple[float, ...]
    naive_absolute: tuple[float, ...]
    naive_squared: tuple[float, ...]
    season: int


class ForecastSums:
    """Adds up errors of windows; `metrics` gives the measures of all that were added.

    Over all windows and steps of each target: `mse`, `rmse`, `mae`; `smape` (in percent, 0 where both are 0); `mase`
    and `rmsse` against the naive error of training; `mse_scaled`, `mae_scaled` in standard deviations of training;
    `directional_accuracy`, the share of steps whose change from the last known value has the right sign (unchanged
    ones left out); with quantiles `pinball`, and `coverage` of the outermost pair.
    """

    def __init__(self, names: Sequence[str], yardstick: Yardstick, quantiles: Sequence[float] = ()) -> None:
        self._names = tuple(names)
        self._yardstick = yardstick
        self._quantiles = np.asarray(quantiles, dtype=np.float64)
        self._sums: dict[str, Floats] = {}
        self.windows = 0

    def add(self, actual: Floats, forecast: Floats, last: Floats, quantiles: Floats | None = None) -> None:
        """Adds windows: actual and forecast (W, H, targets), last known values (W, targets), (W, H, targets, Q)."""
        error = forecast - actual
        size = np.abs(actual) + np.abs(forecast)
        moved = actual - last[:, None]
        self.windows += len(actual)
        self._sum("count", np.ones_like(error))
        self._sum("squared", error**2)
        self._sum("absolute", np.abs(error))
        self._sum("relative", np.divide(2 * np.abs(error), size, out=np.zeros_like(size), where=size > 0))
        self._sum("moved", (moved != 0).astype(np.float64))
        self._sum("right", ((moved != 0) & (np.sign(moved) == np.sign(forecast - last[:, None]))).astype(np.float64))
        if quantiles is not None:
            miss = actual[..., None] - quantiles
            self._sum("pinball", np.maximum(self._quantiles * miss, (self._quantiles - 1) * miss).mean(axis=-1))
            inside = (actual >= quantiles.min(axis=-1)) & (actual <= quantiles.max(axis=-1))
            self._sum("covered", inside.astype(np.float64))

    def _sum(self, name: str, values: Floats) -> None:
        self._sums[name] = self._sums.get(name, np.zeros(len(self._names))) + values.sum(axis=(0, 1))

    def metrics(self) -> dict[str, float]:
        """Every measure, averaged over targets, and each target's own where there are several."""
        count = self._sums["count"]
        squared, absolute = self._sums["squared"] / count, self._sums["absolute"] / count
        deviation = np.asarray(self._yardstick.deviation)
        per_target = {
            "mse": squared,
            "rmse": np.sqrt(squared),
            "mae": absolute,
            "smape": 100 * self._sums["relative"] / count,
            "mase": _ratio(absolute, np.asarray(self._yardstick.naive_absolute)),
            "rmsse": np.sqrt(_ratio(squared, np.asarray(self._yardstick.naive_squared))),
            "directional_accuracy": _ratio(self._sums["right"], self._sums["moved"]),
            "mse_scaled": _ratio(squared, deviation**2),
            "mae_scaled": _ratio(absolute, deviation),
        }
        if "pinball" in self._sums:
            per_target["pinball"] = self._sums["pinball"] / count
            per_target["coverage"] = self._sums["covered"] / count
        named = {
            measure: [(name, float(value)) for name, value in zip(self._names, values, strict=True) if value == value]
            for measure, values in per_target.items()
        }
        return averaged(named)


def _ratio(above: Floats, below: Floats) -> Floats:
    """NaN, which is left out of the report, where there is nothing to measure by."""
    return np.divide(above, below, out=np.full_like(above, np.nan), where=below > 0)


def yardstick(train: Sequence[Floats], season: int) -> Yardstick:
    """From the training rows of each series, (N, targets); series no longer than the season do not count."""
    rows = np.concatenate(list(train))
    steps = [part[season:] - part[:-season] for part in train if len(part) > season]
    naive = np.concatenate(steps) if steps else np.zeros((1, rows.shape[1]))
    return Yardstick(
        deviation=tuple(np.std(rows, axis=0).tolist()),
        naive_absolute=tuple(np.abs(naive).mean(axis=0).tolist()),
        naive_squared=tuple((naive**2).mean(axis=0).tolist()),
        season=season,
    )
