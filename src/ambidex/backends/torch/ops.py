"""PyTorch's edition of the arithmetic that losses are written in."""

from __future__ import annotations

from ambidex.backends.torch._import import Tensor, functional, torch


class EngineOps:
    """The edition of `losses.ops.Ops` whose gradients PyTorch takes; a number may stand for a tensor as in NumPy."""

    def abs(self, x: Tensor) -> Tensor:
        return torch.abs(x)

    def exp(self, x: Tensor) -> Tensor:
        return torch.exp(x)

    def log(self, x: Tensor) -> Tensor:
        return torch.log(x)

    def log1p(self, x: Tensor) -> Tensor:
        return torch.log1p(x)

    def sqrt(self, x: Tensor) -> Tensor:
        return torch.sqrt(x)

    def square(self, x: Tensor) -> Tensor:
        return torch.square(x)

    def sign(self, x: Tensor) -> Tensor:
        return torch.sign(x)

    def tanh(self, x: Tensor) -> Tensor:
        return torch.tanh(x)

    def sigmoid(self, x: Tensor) -> Tensor:
        return torch.sigmoid(x)

    def softplus(self, x: Tensor) -> Tensor:
        return functional.softplus(x)

    def relu(self, x: Tensor) -> Tensor:
        return torch.relu(x)

    def maximum(self, x: Tensor, y: Tensor | float) -> Tensor:
        return torch.maximum(x, y if isinstance(y, Tensor) else torch.full_like(x, y))

    def minimum(self, x: Tensor, y: Tensor | float) -> Tensor:
        return torch.minimum(x, y if isinstance(y, Tensor) else torch.full_like(x, y))

    def where(self, condition: Tensor, x: Tensor | float, y: Tensor | float) -> Tensor:
        return torch.where(condition, x, y)

    def sum(self, x: Tensor, axis: int | None = None) -> Tensor:
        return torch.sum(x) if axis is None else torch.sum(x, dim=axis)

    def mean(self, x: Tensor, axis: int | None = None) -> Tensor:
        return torch.mean(x) if axis is None else torch.mean(x, dim=axis)

    def max(self, x: Tensor, axis: int | None = None) -> Tensor:
        return torch.amax(x) if axis is None else torch.amax(x, dim=axis)

    def cumsum(self, x: Tensor, axis: int) -> Tensor:
        return torch.cumsum(x, dim=axis)

    def concat(self, xs: list[Tensor], axis: int) -> Tensor:
        return torch.cat(xs, dim=axis)

    def reshape(self, x: Tensor, shape: tuple[int, ...]) -> Tensor:
        return torch.reshape(x, shape)

    def log_softmax(self, x: Tensor) -> Tensor:
        """Over the last axis."""
        return torch.log_softmax(x, dim=-1)

    def take_class(self, x: Tensor, codes: Tensor) -> Tensor:
        """The values x (…, K) holds at integer codes (…): (…)."""
        return torch.gather(x, -1, codes.unsqueeze(-1)).squeeze(-1)

    def stop_gradient(self, x: Tensor) -> Tensor:
        return x.detach()
