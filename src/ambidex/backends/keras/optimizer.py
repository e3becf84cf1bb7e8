"""The optimizer of `training.plan` for Keras's own `fit`: the same equation as in our loop and in torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgspec

from ambidex.backends.keras import update
from ambidex.backends.keras._import import keras
from ambidex.backends.keras.engine import steps
from ambidex.training.plan import Optimizer

Tensor = Any


def make_optimizer(module: Any, optimizer: Optimizer) -> Any:
    """A `keras.optimizers.Optimizer` for this model's `compile`, which updates as torch does. See `training.plan`."""
    made = PlanOptimizer(optimizer)
    made.build(module.trainable_variables)
    return made


@keras.saving.register_keras_serializable("ambidex")
class PlanOptimizer(keras.optimizers.Optimizer):
    """AdamW, Adam or SGD with ε after the bias correction, decoupled decay and torch's clipping of the global norm.

    Variables of one dimension are not decayed, nor is any bias.
    """

    def __init__(self, plan: Optimizer) -> None:
        super().__init__(learning_rate=plan.learning_rate, name=plan.name)
        self.plan = plan
        self._slots: list[list[Any]] = []
        self._decays: list[bool] = []

    def build(self, variables: Sequence[Any]) -> None:
        """Makes the slots, zero at first."""
        if self.built:
            return
        super().build(variables)
        # The biases of a GRU are two rows, those of attention one for each head, and slopes have axes of one. Asked
        # here, because TensorFlow hands `update_step` variables of its own.
        self._decays = [len(variable.shape) > 1 and variable.name not in {"bias", "alpha"} for variable in variables]
        self._slots = [
            [self.add_variable_from_reference(reference_variable=variable, name=slot) for variable in variables]
            for slot in update.SLOTS[self.plan.name]
        ]

    def apply(self, grads: Sequence[Tensor], trainable_variables: Sequence[Any] | None = None) -> None:
        """One update from all gradients, clipped together."""
        if self.plan.clip > 0:
            gradients = [steps.dense(gradient) for gradient in grads]
            square_sum = sum(keras.ops.sum(gradient * gradient) for gradient in gradients)
            factor = update.clip_factor(self.plan.clip, square_sum)
            grads = [gradient * factor for gradient in gradients]
        super().apply(grads, trainable_variables)

    def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        """One variable's update."""
        gradient = steps.dense(gradient)
        scalars = self._scalars(keras.ops.cast(learning_rate, "float32"))
        place = self._get_variable_index(variable)
        slots = [slot[place] for slot in self._slots]
        weight = keras.ops.convert_to_tensor(variable)
        if self._decays[place]:
            weight = weight * scalars.keep
        weight, moved = update.move(
            self.plan, weight, gradient, tuple(keras.ops.convert_to_tensor(slot) for slot in slots), scalars
        )
        self.assign(variable, weight)
        for slot, value in zip(slots, moved, strict=True):
            self.assign(slot, value)

    def slots_of(self, variable: Any) -> dict[str, Any]:
        """The slots of a variable by name; none where it is not trained."""
        if not self.built or not any(variable is trained for trained in self._trainable_variables):
            return {}
        place = self._get_variable_index(variable)
        return {name: slot[place] for name, slot in zip(update.SLOTS[self.plan.name], self._slots, strict=True)}

    def get_config(self) -> dict[str, Any]:
        """The settings, as plain values."""
        return {"plan": msgspec.to_builtins(self.plan)}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> PlanOptimizer:
        """The optimizer with these settings."""
        return cls(msgspec.convert(config["plan"], Optimizer))

    def _scalars(self, learning_rate: Tensor) -> update.Scalars:
        """The step is a tensor here: 1 - βᵗ = -(e^(t log β) - 1) keeps float32's digits where βᵗ is near one."""
        step = keras.ops.cast(self.iterations + 1, "float32")
        size, correction = learning_rate, 1.0
        if self.plan.name != "sgd":
            size = learning_rate / _one_minus_power(self.plan.beta1, step)
            correction = keras.ops.sqrt(_one_minus_power(self.plan.beta2, step))
        keep = 1 - learning_rate * update.decay(self.plan)
        return update.Scalars(step_size=size, correction=correction, keep=keep, share=1.0, is_update=1.0)


def _one_minus_power(beta: float, step: Tensor) -> Tensor:
    return -keras.ops.expm1(step * math.log(beta)) if beta > 0 else keras.ops.ones_like(step)
