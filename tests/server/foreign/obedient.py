"""The model of `write_obedient`, which a worker imports by its name."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

DIE, HANG, DAWDLE = 666.0, 777.0, 888.0
"""First values that make the model kill its process, hang, or take a second."""


class Obedient:
    """Looks like an estimator, and needs no library that is slow to load."""

    n_features_in_ = 2

    def __init__(self, factor: float) -> None:
        self.factor = factor

    def predict(self, table: Any) -> Any:
        """The table times the factor, unless its first value says something else."""
        if table[0, 0] == DIE:
            os.kill(os.getpid(), signal.SIGKILL)
        if table[0, 0] == HANG:
            time.sleep(3600)
        if table[0, 0] == DAWDLE:
            time.sleep(1)
        return self.factor * table
