"""The trainer: the state of one network on one device, and the verbs that the loop calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ambidex.backends.keras._import import active_engine
from ambidex.backends.keras.device import choose_device, configure, scope
from ambidex.backends.keras.engine import steps
from ambidex.backends.keras.lower import POLICIES
from ambidex.backends.keras.program import Program
from ambidex.backends.keras.samples import Samples, gather_batch, put_feed
from ambidex.backends.keras.update import SLOTS, make_scalars
from ambidex.backends.keras.weights import from_canonical, to_canonical
from ambidex.errors import UsageError, expected
from ambidex.graph import Graph
from ambidex.graph.op import Array
from ambidex.losses import Loss
from ambidex.training.feed import Feed
from ambidex.training.plan import Plan

_RAW = "/raw"


class Trainer:
    """The edition of `training.engine.Trainer`; see there for the verbs.

    With `plan.ema` = e an average a ← e · a + (1 - e) · w follows every update, beginning at the weights that were
    set. Then `weights`, `predict` and `evaluate` use the averages (and the running statistics as they are), and
    `optimizer_state` also holds the weights being trained, as `<weight>/raw`.

    An update that `run` ends before `plan.accumulate` batches came takes the mean of those that did. Prediction and
    evaluation run in float32 whatever `plan.precision` says, as serving will.
    """

    def __init__(self, graph: Graph, weights: Mapping[str, Array], loss: Loss, plan: Plan) -> None:
        if plan.precision not in POLICIES:
            fix = "bfloat16 takes as little memory, and its gradients need no scaling."
            got = f"{plan.precision!r} for {active_engine()}"
            raise UsageError(expected(f"one of {', '.join(POLICIES)}", got=got, where="--precision", fix=fix))
        configure(plan)
        self._graph = graph
        self._plan = plan
        self._device = choose_device(plan.device)
        with scope(self._device):
            self._program = Program(graph, loss, plan)
        self._predict = steps.compile_inference(self._program.outputs)
        self._measure = steps.compile_inference(self._program.measured)
        self._run: Any = None
        self._updates = 0
        self._state: dict[str, Any] = {}
        self._samples: Samples | None = None
        self._last: tuple[Feed, Samples] | None = None
        self.set_weights(weights)
        self._clear()

    def load(self, feed: Feed) -> None:
        self._samples = self._put(feed)
        is_compiled = _is_compiled(self._plan, self._graph, self._device, feed.num_samples)
        self._run = steps.compile_run(self._program.step, gather_batch, is_compiled=is_compiled)

    def run(self, order: npt.NDArray[np.int64], learning_rates: npt.NDArray[np.float64], seed: int | None) -> Array:
        assert self._samples is not None, "load comes before run"
        if len(order) == 0:
            return np.empty(0)
        accumulate = self._plan.accumulate
        scalars = make_scalars(self._plan.optimizer, learning_rates, self._updates, accumulate)
        layout, data = self._samples
        with scope(self._device):
            if seed is not None:
                self._state["others"] = self._program.seeded(self._state["others"], seed)
            rows = steps.put_index(order), steps.put(scalars)
            self._state, losses = self._run(layout, self._state, data, *rows)
        self._updates += -(-len(order) // accumulate)
        return np.asarray(losses, np.float64)

    def predict(self, feed: Feed, batch_size: int) -> dict[str, Array]:
        found = list(self._each(self._predict, feed, batch_size))
        return {name: np.concatenate([np.asarray(part[name]) for part in found]) for name in self._graph.raw_outputs}

    def evaluate(self, feed: Feed, batch_size: int) -> float:
        pairs = list(self._each(self._measure, feed, batch_size))
        losses, shares = np.array([[float(loss), float(share)] for loss, share in pairs]).T
        return float((losses * shares).sum() / shares.sum())

    def weights(self) -> dict[str, Array]:
        return self._canonical(self._served())

    def set_weights(self, weights: Mapping[str, Array]) -> None:
        from_canonical(self._program.model, self._graph, weights)
        with scope(self._device):
            others = [steps.put(np.array(variable)) for variable in self._program.model.non_trainable_variables]
            flat = self._program.flatten([place.join(weights) for place in self._program.places])
            self._state |= {"others": others, "flat": steps.put(flat)}
            if self._plan.ema:
                self._state["average"] = steps.put(flat)

    def optimizer_state(self) -> dict[str, Array]:
        found: dict[str, Array] = {}
        for name, slot in zip(SLOTS[self._plan.optimizer.name], self._state["slots"], strict=True):
            parts = self._program.split(np.asarray(slot))
            for place, value in zip(self._program.places, parts, strict=True):
                found |= place.split(value, f"/{name}")
        if self._plan.ema:
            found |= {name + _RAW: value for name, value in self._canonical(self._state["flat"]).items()}
        return {**found, "step": np.asarray(self._updates, dtype=np.int64)}

    def set_optimizer_state(self, state: Mapping[str, Array]) -> None:
        self._updates = int(state["step"])
        with scope(self._device):
            self._state["slots"] = [self._joined(state, f"/{name}") for name in SLOTS[self._plan.optimizer.name]]
            if self._plan.ema:
                self._state["flat"] = self._joined(state, _RAW)

    def _clear(self) -> None:
        """Slots before the first update."""
        zero = np.zeros(self._state["flat"].shape, np.float32)
        with scope(self._device):
            self._state["slots"] = [steps.put(zero) for _ in SLOTS[self._plan.optimizer.name]]
            if self._plan.accumulate > 1:
                self._state["sum"] = steps.put(zero)

    def _joined(self, state: Mapping[str, Array], suffix: str) -> Any:
        return steps.put(self._program.flatten([place.join(state, suffix) for place in self._program.places]))

    def _served(self) -> Any:
        """The flat weights that are validated and kept: the averages where there are any."""
        return self._state["average"] if self._plan.ema else self._state["flat"]

    def _canonical(self, flat: Any) -> dict[str, Array]:
        """All weights by name; the model's variables take the values on the way."""
        model = self._program.model
        for place, value in zip(self._program.places, self._program.split(np.asarray(flat)), strict=True):
            place.variable.assign(value)
        for variable, value in zip(model.non_trainable_variables, self._state["others"], strict=True):
            variable.assign(value)
        return to_canonical(model, self._graph)

    def _each(self, function: Any, feed: Feed, batch_size: int) -> Iterator[Any]:
        """A compiled function's result for each batch of a feed, in order."""
        layout, data = self._kept(feed)
        with scope(self._device):
            for start in range(0, feed.num_samples, batch_size):
                index = steps.put_index(np.arange(start, min(start + batch_size, feed.num_samples)))
                yield function(layout, self._served(), self._state["others"], data, index)

    def _put(self, feed: Feed) -> Samples:
        with scope(self._device):
            return put_feed(feed, self._graph.prepared)

    def _kept(self, feed: Feed) -> Samples:
        """A feed on the device; the last one asked for stays there, since validation asks for it every epoch."""
        if self._last is None or self._last[0] is not feed:
            self._last = (feed, self._put(feed))
        return self._last[1]


def _is_compiled(plan: Plan, graph: Graph, device: str, num_samples: int) -> bool:
    """Whether XLA compiles TensorFlow's training step; JAX always does.

    "auto" does on a CPU where it pays within the run. Measured there, compilation takes 2.5 s of processor time, after
    which a step of a perceptron (256, 128) takes 3.1 ms instead of 4.5, and one of an LSTM(64) over 96 steps 29 ms
    instead of 41. On a GPU "auto" leaves recurrent layers to cuDNN's kernels, which XLA does not use.
    """
    if plan.compile != "auto":
        return plan.compile == "on"
    is_recurrent = any(node.op in {"lstm", "gru"} for node in graph.network)
    if device != "cpu":
        return not is_recurrent
    steps_at_most = plan.epochs * num_samples / (plan.batch_size or 256)
    # Twice the number of steps that pays, since patience ends most runs early.
    return steps_at_most >= (400 if is_recurrent else 4000)
