"""How good predictions are, by one NumPy formula for every framework."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ambidex.compare.job import Job, Samples
from ambidex.losses.loss import batch_loss, make_loss
from ambidex.losses.ops import NumpyOps

Array = npt.NDArray[Any]


def validation_loss(job: Job, samples: Samples, raw: Array) -> float:
    """The weighted mean loss over the samples, in float64."""
    loss = make_loss(job.loss, job.quantiles)
    weight = None if samples.weight is None else samples.weight.astype(np.float64)
    target = samples.target if samples.target.dtype.kind == "i" else samples.target.astype(np.float64)
    return float(batch_loss(loss, NumpyOps(), target, raw.astype(np.float64), weight))


def quality(job: Job, samples: Samples, raw: Array) -> float:
    """The share of right classes; or the root mean squared error in standard deviations of the target."""
    if job.is_classification:
        codes = (raw[:, 0] > 0).astype(np.int64) if raw.shape[-1] == 1 else raw.argmax(axis=-1)
        return float((codes == samples.target).mean())
    size = samples.target.shape[-1]
    middle = raw.shape[-1] // size // 2 * size
    error = raw[..., middle : middle + size].astype(np.float64) - samples.target
    return float(np.sqrt(np.mean(error**2)))
