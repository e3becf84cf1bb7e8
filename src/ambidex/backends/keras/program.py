"""The network and its update as pure functions of values: what an engine compiles.

All trained weights are one flat vector, and so is each slot of the optimizer: an update is a dozen operations instead
of a dozen for every weight, and the norm of all gradients is one sum. The model is only read: it computes with the
values it is given. A state is `{"flat", "slots", "others"}`, "others" being the values of the model's remaining
variables (frozen weights, running statistics, counters of chance), with "average" and "sum" where the plan needs them.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from ambidex.backends.keras._import import keras
from ambidex.backends.keras.engine import steps
from ambidex.backends.keras.lower import lower, lower_for_training
from ambidex.backends.keras.ops import EngineOps
from ambidex.backends.keras.samples import Batch, Layout, gather_batch
from ambidex.backends.keras.update import Scalars, clip_factor, move
from ambidex.backends.keras.weights import Place, places
from ambidex.graph import Graph, initial_weights
from ambidex.graph.op import Array
from ambidex.losses import Loss, batch_loss
from ambidex.training.plan import Plan

Tensor = Any
State = dict[str, Any]


class Program:
    """The functions of one network under one plan. `places` lists what the flat vector holds, in its order."""

    def __init__(self, graph: Graph, loss: Loss, plan: Plan) -> None:
        self._raw_outputs = graph.raw_outputs
        self._loss = loss
        self._plan = plan
        self._ops = EngineOps()
        weights = initial_weights(graph, plan.seed)
        self.model = lower(graph, weights)
        # Prediction and evaluation compute in float32 whatever training does, as serving will.
        self._trained = lower_for_training(graph, weights, plan.precision)
        by_variable = {id(place.variable): place for place in places(self.model, graph)}
        self.places: list[Place] = [by_variable[id(variable)] for variable in self.model.trainable_variables]
        self._shapes = [tuple(place.variable.shape) for place in self.places]
        self._cuts = np.cumsum([int(np.prod(shape)) for shape in self._shapes])[:-1].tolist()
        # Weights of one canonical dimension are not decayed, however many a variable has.
        ranks = [len(place.canonical_shape) for place in self.places]
        self._decays = self.flatten([np.full(shape, rank > 1) for shape, rank in zip(self._shapes, ranks, strict=True)])

    def flatten(self, values: Sequence[Array]) -> Array:
        """Values in the order of `places` as one float32 vector."""
        return np.concatenate([np.zeros(0), *(np.ravel(value) for value in values)]).astype(np.float32)

    def split(self, flat: Array) -> list[Array]:
        """The inverse of `flatten`, as views."""
        parts = np.split(flat, self._cuts) if self._shapes else []
        return [part.reshape(shape) for part, shape in zip(parts, self._shapes, strict=True)]

    def seeded(self, others: Sequence[Tensor], seed: int | None) -> list[Tensor]:
        """The other values with every stream of chance set to its beginning under `seed`; None lets them go on."""
        if seed is None:
            return list(others)
        return [
            _beginning(variable, place, seed) if variable.name == "seed_generator_state" else value
            for place, (variable, value) in enumerate(zip(self.model.non_trainable_variables, others, strict=True))
        ]

    def step(self, state: State, batch: Batch, row: Tensor) -> tuple[State, Tensor]:
        """One batch: its loss and gradient and, where its group ends, an update. `row` holds the `Scalars`."""
        scalars = Scalars(*(row[i] for i in range(len(Scalars._fields))))

        def loss_of(weights: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
            outputs, others = self._call(self._trained, weights, state["others"], batch.inputs, is_training=True)
            return self._batch_loss(outputs, batch), others

        (loss, others), gradients = steps.value_and_gradients(loss_of, self._split(state["flat"]))
        gradient = keras.ops.concatenate([keras.ops.reshape(part, (-1,)) for part in gradients] or [state["flat"]])
        state = {**state, "others": others}
        if self._plan.accumulate == 1:
            return self._updated(state, gradient, scalars), loss
        total = state["sum"] + gradient * scalars.share
        ended = {**state, "sum": keras.ops.zeros_like(total)}
        waiting = {**state, "sum": total}
        return steps.choose(scalars.is_update > 0, lambda: self._updated(ended, total, scalars), lambda: waiting), loss

    def outputs(
        self, layout: Layout, flat: Tensor, others: list[Tensor], data: dict[str, Any], index: Tensor
    ) -> dict[str, Tensor]:
        """Raw outputs of the samples `index` in inference mode, by name, float32."""
        batch = gather_batch(layout, data, index)
        return self._call(self.model, self._split(flat), others, batch.inputs, is_training=False)[0]

    def measured(
        self, layout: Layout, flat: Tensor, others: list[Tensor], data: dict[str, Any], index: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The mean loss of the samples `index` in inference mode, and the weight of that mean."""
        batch = gather_batch(layout, data, index)
        outputs, _ = self._call(self.model, self._split(flat), others, batch.inputs, is_training=False)
        share = keras.ops.shape(index)[0] if batch.weight is None else keras.ops.sum(batch.weight)
        return self._batch_loss(outputs, batch), share

    def _updated(self, state: State, gradient: Tensor, scalars: Scalars) -> State:
        settings = self._plan.optimizer
        if settings.clip > 0:
            gradient = gradient * clip_factor(settings.clip, keras.ops.sum(gradient * gradient))
        weights = keras.ops.where(self._decays > 0, state["flat"] * scalars.keep, state["flat"])
        flat, slots = move(settings, weights, gradient, tuple(state["slots"]), scalars)
        state = {**state, "flat": flat, "slots": list(slots)}
        if self._plan.ema:
            state["average"] = state["average"] + (1 - self._plan.ema) * (flat - state["average"])
        return state

    def _call(
        self, model: Any, weights: list[Tensor], others: list[Tensor], inputs: list[Tensor], *, is_training: bool
    ) -> tuple[dict[str, Tensor], list[Tensor]]:
        """The model as a function of values: raw outputs by name, and the other variables afterwards."""
        given = inputs if len(inputs) > 1 else inputs[0]
        outputs, others = model.stateless_call(weights, others, given, training=is_training)
        named = outputs if isinstance(outputs, dict) else {self._raw_outputs[0]: outputs}
        return {name: keras.ops.cast(value, "float32") for name, value in named.items()}, list(others)

    def _batch_loss(self, outputs: dict[str, Tensor], batch: Batch) -> Tensor:
        predicted = outputs[self._raw_outputs[0]]
        return batch_loss(self._loss, self._ops, batch.target, predicted, batch.weight)

    def _split(self, flat: Tensor) -> list[Tensor]:
        # No cut: one weight, or none where nothing is trained.
        parts = keras.ops.split(flat, self._cuts) if self._cuts else [flat][: len(self._shapes)]
        return [keras.ops.reshape(part, shape) for part, shape in zip(parts, self._shapes, strict=True)]


def _beginning(stream: Any, place: int, seed: int) -> Tensor:
    """The state of a stream of chance, [key, count], at its beginning: each layer has a key of its own.

    The key comes from the stream's place among the variables: Keras numbers the names of generators over all models
    of a process, and what was built before must not count.
    """
    key = zlib.crc32(place.to_bytes(4, "little"), seed & 0xFFFFFFFF)
    return steps.put(np.array([key, 0], dtype=stream.dtype))
