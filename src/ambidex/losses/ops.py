"""The arithmetic a loss may use: a small namespace with an edition per engine, and NumPy's.

Tensors of every engine also take `+ - * / **`, comparisons, `-x`, indexing with slices, and have `.shape`.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

Tensor = Any


class Ops(Protocol):
    """What the editions share. `axis` None reduces everything; shapes and types follow NumPy."""

    def abs(self, x: Tensor) -> Tensor: ...
    def exp(self, x: Tensor) -> Tensor: ...
    def log(self, x: Tensor) -> Tensor: ...
    def log1p(self, x: Tensor) -> Tensor: ...
    def sqrt(self, x: Tensor) -> Tensor: ...
    def square(self, x: Tensor) -> Tensor: ...
    def sign(self, x: Tensor) -> Tensor: ...
    def tanh(self, x: Tensor) -> Tensor: ...
    def sigmoid(self, x: Tensor) -> Tensor: ...
    def softplus(self, x: Tensor) -> Tensor: ...
    def relu(self, x: Tensor) -> Tensor: ...
    def maximum(self, x: Tensor, y: Tensor) -> Tensor: ...
    def minimum(self, x: Tensor, y: Tensor) -> Tensor: ...
    def where(self, condition: Tensor, x: Tensor, y: Tensor) -> Tensor: ...
    def sum(self, x: Tensor, axis: int | None = None) -> Tensor: ...
    def mean(self, x: Tensor, axis: int | None = None) -> Tensor: ...
    def max(self, x: Tensor, axis: int | None = None) -> Tensor: ...
    def cumsum(self, x: Tensor, axis: int) -> Tensor: ...
    def concat(self, xs: list[Tensor], axis: int) -> Tensor: ...
    def reshape(self, x: Tensor, shape: tuple[int, ...]) -> Tensor: ...
    def log_softmax(self, x: Tensor) -> Tensor: ...
    def take_class(self, x: Tensor, codes: Tensor) -> Tensor: ...
    def stop_gradient(self, x: Tensor) -> Tensor: ...


class NumpyOps:
    """The NumPy edition: the reference for the others, and what metrics are computed with."""

    def abs(self, x: Tensor) -> Tensor:
        return np.abs(x)

    def exp(self, x: Tensor) -> Tensor:
        return np.exp(x)

    def log(self, x: Tensor) -> Tensor:
        return np.log(x)

    def log1p(self, x: Tensor) -> Tensor:
        return np.log1p(x)

    def sqrt(self, x: Tensor) -> Tensor:
        return np.sqrt(x)

    def square(self, x: Tensor) -> Tensor:
        return np.square(x)

    def sign(self, x: Tensor) -> Tensor:
        return np.sign(x)

    def tanh(self, x: Tensor) -> Tensor:
        return np.tanh(x)

    def sigmoid(self, x: Tensor) -> Tensor:
        return 0.5 * (1 + np.tanh(0.5 * x))

    def softplus(self, x: Tensor) -> Tensor:
        return np.logaddexp(x, 0)

    def relu(self, x: Tensor) -> Tensor:
        return np.maximum(x, 0)

    def maximum(self, x: Tensor, y: Tensor) -> Tensor:
        return np.maximum(x, y)

    def minimum(self, x: Tensor, y: Tensor) -> Tensor:
        return np.minimum(x, y)

    def where(self, condition: Tensor, x: Tensor, y: Tensor) -> Tensor:
        return np.where(condition, x, y)

    def sum(self, x: Tensor, axis: int | None = None) -> Tensor:
        return np.sum(x, axis=axis)

    def mean(self, x: Tensor, axis: int | None = None) -> Tensor:
        return np.mean(x, axis=axis)

    def max(self, x: Tensor, axis: int | None = None) -> Tensor:
        return np.max(x, axis=axis)

    def cumsum(self, x: Tensor, axis: int) -> Tensor:
        return np.cumsum(x, axis=axis)

    def concat(self, xs: list[Tensor], axis: int) -> Tensor:
        return np.concatenate(xs, axis=axis)

    def reshape(self, x: Tensor, shape: tuple[int, ...]) -> Tensor:
        return np.reshape(x, shape)

    def log_softmax(self, x: Tensor) -> Tensor:
        """Over the last axis."""
        shifted = x - np.max(x, axis=-1, keepdims=True)
        return shifted - np.log(np.sum(np.exp(shifted), axis=-1, keepdims=True))

    def take_class(self, x: Tensor, codes: Tensor) -> Tensor:
        """x (…, K) at integer codes (…): the value of each code's class, (…)."""
        return np.take_along_axis(x, codes[..., None], axis=-1)[..., 0]

    def stop_gradient(self, x: Tensor) -> Tensor:
        return x
