"""From runs to verdicts: medians, bootstrap intervals, paired quotients, and a correction for many rows.

Runs are paired: within one run two columns took turns, so the quotient of their values is free of what the machine
did meanwhile. A difference is called measurable where all three hold: the interval of the median quotient leaves
out 1, the paired t test on its logarithm is significant, both corrected for the number of rows, and the median gap is
at least 5 %. The t test is there because a bootstrap of nine medians alone is too sure of itself.

Three runs can hardly pass that test, whatever they show. So there is a third outcome beside a measurable difference and
none: the columns' own intervals lie apart and the gap counts, but the runs do not confirm it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import msgspec
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
ERROR_RATE = 0.05
LEAST_GAP = 0.05
RESAMPLES = 4000


class Interval(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A median with the bounds of its interval, and how many runs it comes from."""

    median: float
    low: float
    high: float
    runs: int

    def overlaps(self, other: Interval) -> bool:
        """Whether some value lies in both."""
        return self.low <= other.high and other.low <= self.high


class Contrast(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One column against another in one row: `ratio` is its value divided by the other's, run by run.

    `p` is already corrected for the number of rows; 1 where there are too few runs for a test.
    """

    ratio: Interval
    p: float
    is_measurable: bool


def interval(values: Sequence[float], *, error_rate: float = ERROR_RATE) -> Interval:
    """The median of runs and the percentile bootstrap interval of it (Efron 1979); equal values give equal bounds."""
    array = np.asarray(values, dtype=np.float64)
    medians = resampled_medians(array)
    low, high = np.quantile(medians, [error_rate / 2, 1 - error_rate / 2])
    return Interval(median=float(np.median(array)), low=float(low), high=float(high), runs=len(array))


def resampled_medians(array: Floats) -> Floats:
    """Medians of `RESAMPLES` draws with replacement; the same draws for the same number of runs."""
    return np.asarray(np.median(array[_draws(len(array))], axis=1))


@cache
def _draws(count: int) -> npt.NDArray[np.int64]:
    """Which runs each draw takes, (RESAMPLES, count)."""
    return np.random.default_rng(count).integers(0, count, (RESAMPLES, count))


def log_ratios(ours: dict[int, Floats], theirs: dict[int, Floats]) -> Floats:
    """The logarithm of the quotient in every run that both have: the median over neighbours where they took turns."""
    found = []
    for run in sorted(ours.keys() & theirs.keys()):
        mine, other = ours[run], theirs[run]
        if (mine <= 0).any() or (other <= 0).any():
            return np.empty(0)
        pairs = np.log(mine / other) if len(mine) == len(other) else np.log([np.median(mine) / np.median(other)])
        found.append(float(np.median(pairs)))
    return np.asarray(found)


def contrasts(logs: Sequence[Floats]) -> list[Contrast | None]:
    """The verdict on each row from its logarithms of quotients; None where there is no run to compare."""
    rows = sum(1 for log in logs if len(log))
    adjusted = holm([paired_p(log) for log in logs if len(log)])
    found: list[Contrast | None] = []
    for log in logs:
        if not len(log):
            found.append(None)
            continue
        found.append(_contrast(log, adjusted.pop(0), rows))
    return found


def _contrast(log: Floats, p: float, rows: int) -> Contrast:
    bounds = interval(log.tolist(), error_rate=ERROR_RATE / rows)
    ratio = Interval(
        median=math.exp(bounds.median), low=math.exp(bounds.low), high=math.exp(bounds.high), runs=bounds.runs
    )
    is_outside = bounds.low > 0 or bounds.high < 0
    is_measurable = is_outside and p < ERROR_RATE and gap(ratio.median) >= LEAST_GAP
    return Contrast(ratio=ratio, p=p, is_measurable=is_measurable)


def is_only_seen(contrast: Contrast, ours: Interval, theirs: Interval) -> bool:
    """Whether two columns' intervals lie apart by a gap that counts, while their runs do not confirm it."""
    is_open = contrast.ratio.runs > 1 and not contrast.is_measurable
    return is_open and not ours.overlaps(theirs) and gap(contrast.ratio.median) >= LEAST_GAP


def gap(ratio: float) -> float:
    """How much longer the longer of two takes, relative to the shorter: the same whichever is divided by which."""
    return max(ratio, 1 / ratio) - 1


def paired_p(log: Floats) -> float:
    """Two-sided p of the paired t test that the mean logarithm is 0; 1 for fewer than two runs, or for no spread."""
    from scipy.special import stdtr  # a part of what scipy.stats takes seconds to load

    if len(log) < 2 or np.ptp(log) < 1e-12:
        # Values that are equal to the last bit in every run (a loss, say) show no difference; others a certain one.
        return 1.0 if len(log) < 2 or abs(float(log[0])) < 1e-12 else 0.0
    t = float(log.mean() / (log.std(ddof=1) / math.sqrt(len(log))))
    return float(2 * stdtr(len(log) - 1, -abs(t)))


def holm(p_values: Sequence[float]) -> list[float]:
    """The p values corrected for their number (Holm 1979), in their order."""
    order = np.argsort(p_values)
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, position in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[position]))
        adjusted[position] = highest
    return adjusted
