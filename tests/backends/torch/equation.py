"""The update equation of `training.plan.Optimizer` in NumPy, float64: what PyTorch's optimizers are judged against."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ambidex.graph.op import Array
from ambidex.training.plan import Optimizer

State = dict[str, Array]


@dataclass
class Equation:
    """Weights with their slots; `update` moves them by one step."""

    spec: Optimizer
    weights: State
    slots: State = field(default_factory=dict)
    step: int = 0

    def update(self, gradients: Mapping[str, Array], learning_rate: float) -> None:
        self.step += 1
        factor = self._clip(gradients)
        for name, gradient in gradients.items():
            weight = self.weights[name]
            if weight.ndim >= 2 and self.spec.name != "adam":
                weight = weight * (1 - learning_rate * self.spec.weight_decay)
            move = self._sgd if self.spec.name == "sgd" else self._adam
            self.weights[name] = weight - learning_rate * move(name, gradient * factor)

    def _clip(self, gradients: Mapping[str, Array]) -> float:
        norm = math.sqrt(sum(float(np.sum(gradient**2)) for gradient in gradients.values()))
        return min(1.0, self.spec.clip / (norm + 1e-6)) if self.spec.clip else 1.0

    def _adam(self, name: str, g: Array) -> Array:
        b1, b2 = self.spec.beta1, self.spec.beta2
        m = self.slots[f"{name}/m"] = b1 * self.slots.get(f"{name}/m", 0 * g) + (1 - b1) * g
        v = self.slots[f"{name}/v"] = b2 * self.slots.get(f"{name}/v", 0 * g) + (1 - b2) * g**2
        root = np.sqrt(v) / math.sqrt(1 - b2**self.step) + self.spec.epsilon
        return np.asarray(m / (1 - b1**self.step) / root)

    def _sgd(self, name: str, g: Array) -> Array:
        u = self.slots[f"{name}/momentum"] = self.spec.momentum * self.slots.get(f"{name}/momentum", 0 * g) + g
        return u
