"""The few verbs an engine offers the loop: coarse, arrays in, arrays out, no calls upward."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ambidex.graph import Graph
from ambidex.losses.loss import Loss
from ambidex.training.feed import Feed
from ambidex.training.plan import Plan

Array = npt.NDArray[Any]
Arrays = dict[str, Array]


class Trainer(Protocol):
    """One network on one device with its optimizer.

    Built by `backends.<engine>.trainer.Trainer(graph, weights, loss, plan)`; `weights` are canonical. Weights and
    optimizer slots come and go as canonical dictionaries: slots are `<weight>/m` and `<weight>/v` (Adam),
    `<weight>/momentum` (SGD), and the scalar `step` (int64).
    """

    def __init__(self, graph: Graph, weights: Mapping[str, Array], loss: Loss, plan: Plan) -> None: ...

    def load(self, feed: Feed) -> None:
        """Puts the training samples on the device as whole tensors, once."""

    def run(self, order: npt.NDArray[np.int64], learning_rates: npt.NDArray[np.float64], seed: int | None) -> Array:
        """Trains on batches `order` (steps, batch) of sample numbers; the loss of each step, (steps,) float64.

        `learning_rates` (steps,) are made once by the schedule. `seed` starts the streams of dropout; None goes on
        with them where the last call left them, so that an epoch cut into several calls is the same as in one.
        With `plan.accumulate` > 1 the update follows every that many batches, with the mean of their gradients.
        """

    def predict(self, feed: Feed, batch_size: int) -> Arrays:
        """Raw outputs of every sample in order, in inference mode, float32."""

    def evaluate(self, feed: Feed, batch_size: int) -> float:
        """The weighted mean loss over a feed in inference mode."""

    def weights(self) -> Arrays:
        """Canonical weights, float32 copies."""

    def set_weights(self, weights: Mapping[str, Array]) -> None:
        """Replaces every weight."""

    def optimizer_state(self) -> Arrays:
        """Canonical optimizer slots and step."""

    def set_optimizer_state(self, state: Mapping[str, Array]) -> None:
        """Replaces every slot and the step."""
