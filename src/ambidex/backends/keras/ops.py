"""The arithmetic of losses in `keras.ops`, which runs on TensorFlow and on JAX."""

from __future__ import annotations

from typing import Any

from ambidex.backends.keras._import import keras

Tensor = Any
_ops = keras.ops


class EngineOps:
    """Keras's edition of `losses.ops.Ops`."""

    def abs(self, x: Tensor) -> Tensor:
        return _ops.abs(x)

    def exp(self, x: Tensor) -> Tensor:
        return _ops.exp(x)

    def log(self, x: Tensor) -> Tensor:
        return _ops.log(x)

    def log1p(self, x: Tensor) -> Tensor:
        return _ops.log1p(x)

    def sqrt(self, x: Tensor) -> Tensor:
        return _ops.sqrt(x)

    def square(self, x: Tensor) -> Tensor:
        return _ops.square(x)

    def sign(self, x: Tensor) -> Tensor:
        return _ops.sign(x)

    def tanh(self, x: Tensor) -> Tensor:
        return _ops.tanh(x)

    def sigmoid(self, x: Tensor) -> Tensor:
        return _ops.sigmoid(x)

    def softplus(self, x: Tensor) -> Tensor:
        return _ops.softplus(x)

    def relu(self, x: Tensor) -> Tensor:
        return _ops.relu(x)

    def maximum(self, x: Tensor, y: Tensor) -> Tensor:
        return _ops.maximum(x, y)

    def minimum(self, x: Tensor, y: Tensor) -> Tensor:
        return _ops.minimum(x, y)

    def where(self, condition: Tensor, x: Tensor, y: Tensor) -> Tensor:
        return _ops.where(condition, x, y)

    def sum(self, x: Tensor, axis: int | None = None) -> Tensor:
        return _ops.sum(x, axis=axis)

    def mean(self, x: Tensor, axis: int | None = None) -> Tensor:
        return _ops.mean(x, axis=axis)

    def max(self, x: Tensor, axis: int | None = None) -> Tensor:
        return _ops.max(x, axis=axis)

    def cumsum(self, x: Tensor, axis: int) -> Tensor:
        return _ops.cumsum(x, axis=axis)

    def concat(self, xs: list[Tensor], axis: int) -> Tensor:
        return _ops.concatenate(xs, axis=axis)

    def reshape(self, x: Tensor, shape: tuple[int, ...]) -> Tensor:
        return _ops.reshape(x, shape)

    def log_softmax(self, x: Tensor) -> Tensor:
        """Over the last axis."""
        return _ops.log_softmax(x, axis=-1)

    def take_class(self, x: Tensor, codes: Tensor) -> Tensor:
        """x (…, K) at integer codes (…): the value of each code's class, (…)."""
        # A comparison and a sum, which compile to one loop; gathering along an axis takes a dozen operations here.
        is_class = _ops.equal(_ops.expand_dims(codes, -1), _ops.arange(x.shape[-1], dtype=codes.dtype))
        return _ops.sum(_ops.where(is_class, x, _ops.zeros_like(x)), axis=-1)

    def stop_gradient(self, x: Tensor) -> Tensor:
        return _ops.stop_gradient(x)
