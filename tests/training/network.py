"""A trainer without an engine: one dense layer in NumPy, plain gradient descent, and noise in place of dropout."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ambidex.graph import Builder, Graph, Value, initial_weights
from ambidex.losses import LOSSES
from ambidex.losses.loss import Loss
from ambidex.training.engine import Array, Arrays
from ambidex.training.feed import Feed, Source, gather
from ambidex.training.plan import Optimizer, Plan

PLAN = Plan(epochs=6, batch_size=8, patience=100, optimizer=Optimizer(name="sgd", learning_rate=0.05))


def line() -> Graph:
    """Two numbers to one."""
    builder = Builder([Value(name="x", dtype="float32", shape=("B", 2))])
    raw = builder.add("network", "head", "dense", "x", units=1)
    return builder.build(prepared=["x"], raw_outputs=[raw], outputs={"y": raw})


def samples(count: int = 50, *, seed: int = 1) -> Feed:
    """Numbers that a line explains up to some noise."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, 2)).astype(np.float32)
    y = (x @ np.array([[2.0], [-1.0]]) + 0.5 + 0.1 * rng.normal(size=(count, 1))).astype(np.float32)
    return Feed(num_samples=count, inputs={"x": Source(array=x)}, target=Source(array=y))


class LineTrainer:
    """The edition of `training.engine.Trainer` for `line`: least squares with momentum.

    Inputs are multiplied by noise from a stream, as dropout would. `calls` notes the steps and the seed of each run.
    """

    def __init__(self, graph: Graph, weights: Mapping[str, Array], loss: Loss, plan: Plan) -> None:
        self._plan = plan
        self._weights = {name: np.array(weight, dtype=np.float64) for name, weight in weights.items()}
        self._slots = {name: np.zeros_like(weight) for name, weight in self._weights.items()}
        self._step = 0
        self._stream: np.random.Generator | None = None
        self._feed: Feed | None = None
        self.calls: list[tuple[int, int | None]] = []

    def load(self, feed: Feed) -> None:
        self._feed = feed

    def run(self, order: npt.NDArray[np.int64], learning_rates: npt.NDArray[np.float64], seed: int | None) -> Array:
        assert self._feed is not None, "load comes before run"
        self.calls.append((len(order), seed))
        if seed is not None:
            self._stream = np.random.default_rng(seed)
        assert self._stream is not None, "the first call gives a seed"
        size = self._plan.accumulate
        assert len(order) % size == 0, "no call ends inside an update"
        losses = []
        for first in range(0, len(order), size):
            pairs = [self._gradients(batch, self._stream) for batch in order[first : first + size]]
            losses += [loss for loss, _ in pairs]
            mean = {name: sum(part[name] for _, part in pairs) / size for name in self._weights}
            self._update(mean, learning_rates[first + size - 1])
        return np.array(losses)

    def predict(self, feed: Feed, batch_size: int) -> Arrays:
        x = self._inputs(feed, np.arange(feed.num_samples))
        return {"head": self._forward(x).astype(np.float32)}

    def evaluate(self, feed: Feed, batch_size: int) -> float:
        assert feed.target is not None
        every = np.arange(feed.num_samples)
        error = self._forward(self._inputs(feed, every)) - gather(feed.target, every, None)
        return float(np.mean(error**2))

    def weights(self) -> Arrays:
        return {name: weight.astype(np.float32) for name, weight in self._weights.items()}

    def set_weights(self, weights: Mapping[str, Array]) -> None:
        self._weights = {name: np.array(weight, dtype=np.float64) for name, weight in weights.items()}

    def optimizer_state(self) -> Arrays:
        slots = {f"{name}/momentum": slot.copy() for name, slot in self._slots.items()}
        return slots | {"step": np.asarray(self._step, dtype=np.int64)}

    def set_optimizer_state(self, state: Mapping[str, Array]) -> None:
        self._slots = {name: np.array(state[f"{name}/momentum"]) for name in self._weights}
        self._step = int(state["step"])

    def _inputs(self, feed: Feed, index: npt.NDArray[np.int64]) -> Array:
        return gather(feed.inputs["x"], index, feed.starts).astype(np.float64)

    def _forward(self, x: Array) -> Array:
        return np.asarray(x @ self._weights["head.kernel"] + self._weights["head.bias"])

    def _gradients(self, batch: npt.NDArray[np.int64], stream: np.random.Generator) -> tuple[float, dict[str, Any]]:
        assert self._feed is not None
        assert self._feed.target is not None
        x = self._inputs(self._feed, batch) * stream.uniform(0.9, 1.1, (len(batch), 2))
        error = self._forward(x) - gather(self._feed.target, batch, None)
        gradient = 2 * error / len(batch)
        return float(np.mean(error**2)), {"head.kernel": x.T @ gradient, "head.bias": gradient.sum(axis=0)}

    def _update(self, gradients: Mapping[str, Any], learning_rate: float) -> None:
        self._step += 1
        for name, gradient in gradients.items():
            self._slots[name] = self._plan.optimizer.momentum * self._slots[name] + gradient
            moved = self._weights[name] - learning_rate * self._slots[name]
            # Weights are float32 where they are stored, so that a resumed run starts from the same ones.
            self._weights[name] = moved.astype(np.float32).astype(np.float64)


def make_trainer(plan: Plan = PLAN) -> LineTrainer:
    """A trainer whose weights begin where seed 0 draws them."""
    return LineTrainer(line(), initial_weights(line(), 0), LOSSES["mse"], plan)
