"""What a table or a series becomes before it is trained: a graph, feeds, a loss, and what to judge it by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ambidex.graph import Graph
from ambidex.losses.loss import Loss
from ambidex.schema import Schema, Task
from ambidex.training.feed import Feed
from ambidex.workflow.reference import Reference

Array = npt.NDArray[Any]
Arrays = dict[str, Array]


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Everything that training needs and all that will be written down.

    `solve` gives the weights that have a closed form, by canonical name. `examples` are packed raw rows (or windows)
    of the validation part for the certificate. `table` and `validation_table` are what the model is reported on.
    """

    schema: Schema
    graph: Graph
    train: Feed
    validation: Feed
    loss: Loss
    loss_name: str
    reference: Reference
    examples: Arrays
    target_scale: npt.NDArray[np.float64]
    solve: Callable[[], Arrays]
    notes: tuple[str, ...]
    fingerprint: str
    judge: Callable[[Predict], Report]

    @property
    def task(self) -> Task:
        """The question."""
        return self.schema.task


Predict = Callable[[Arrays], Arrays]
"""Packed raw inputs to public outputs."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """Measures of a model beside those of baselines; `rows` or windows judged."""

    metrics: dict[str, float]
    baselines: dict[str, dict[str, float]]
    count: int
