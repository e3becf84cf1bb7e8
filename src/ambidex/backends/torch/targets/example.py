"""The rows that a network is written with where a format wants to see it run."""

from __future__ import annotations

import numpy as np

from ambidex.backends.source import Source
from ambidex.backends.torch._import import Tensor
from ambidex.backends.torch.targets.batch import tensors_of
from ambidex.graph import prepare

ROWS = 2
"""`torch.export` takes a size of one for a constant."""


def example_of(source: Source) -> list[Tensor]:
    """Two prepared rows in the order of the network's arguments, from the source's own; a single one twice."""
    rows = {name: np.resize(array, (ROWS, *array.shape[1:])) for name, array in source.rows.items()}
    return tensors_of(source, prepare(source.graph, rows))
