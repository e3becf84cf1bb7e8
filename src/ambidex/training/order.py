"""Which samples make which batch: permutations drawn once per epoch from the seed, equal for every engine."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ambidex.errors import UsageError, expected


def batch_order(
    num_samples: int, batch_size: int, *, seed: int, epoch: int, accumulate: int = 1, epoch_samples: int = 0
) -> npt.NDArray[np.int64]:
    """Sample numbers (steps, batch) of one epoch; the remainder that fills no batch waits for the next shuffle.

    The number of steps is a multiple of `accumulate`; batches shrink where there are too few samples for so many.
    `epoch_samples` > 0 draws at most that many samples. The draw depends on seed and epoch alone, so a resumed run
    meets the same batches. Raises `UsageError` where there are fewer samples than batches in an update.
    """
    count = min(num_samples, epoch_samples) if epoch_samples else num_samples
    if count < accumulate:
        fix = "An update needs a sample for each of its batches."
        raise UsageError(expected(f"accumulate of at most {count}", got=accumulate, where="accumulate", fix=fix))
    size = min(batch_size, count // accumulate)
    steps = count // size // accumulate * accumulate
    shuffled = np.random.default_rng([seed, epoch, 0x6F72646572]).permutation(num_samples)  # "order"
    return shuffled[: steps * size].reshape(steps, size)
