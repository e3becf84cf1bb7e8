"""Which samples make which batch: permutations drawn once per epoch from the seed, equal for every engine."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def batch_order(num_samples: int, batch_size: int, *, seed: int, epoch: int) -> npt.NDArray[np.int64]:
    """Sample numbers (steps, batch) of one epoch; the remainder that fills no batch waits for the next shuffle.

    The draw depends on seed and epoch alone, so a resumed run meets the same batches.
    """
    size = min(batch_size, num_samples)
    steps = num_samples // size
    shuffled = np.random.default_rng([seed, epoch, 0x6F72646572]).permutation(num_samples)  # "order"
    return shuffled[: steps * size].reshape(steps, size)
