"""Each network op as PyTorch's own layer, or as a function of tensors where it has no weights to hold.

Layers are built without values (`weights.from_canonical` fills them) and hold the weights in PyTorch's layout.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ambidex.backends.torch._import import Tensor, Untyped, functional, nn, torch
from ambidex.graph import Value
from ambidex.graph.op import width
from ambidex.graph.ops.activation import LeakyRelu
from ambidex.graph.ops.layer import BatchNorm, Dense, Dropout, Embedding, Norm, OneHot, Prelu
from ambidex.graph.ops.recurrent import Recurrent
from ambidex.graph.ops.sequence import Attention, Conv1d
from ambidex.graph.ops.shape import Concat, Reshape, Slice, Transpose

Function = Callable[..., Tensor]
Built = nn.Module | Function | tuple[nn.Module, Function]
"""A layer, a function, or a layer whose result a function finishes."""

Builder = Callable[[Untyped, Sequence[Value]], Built]
"""Builds the edition of a node from its attributes and the values it takes."""


class _BatchNorm(nn.BatchNorm1d):
    """Batch normalisation over the last axis of (B, D) or (B, T, D) whose running variance is the biased one.

    PyTorch normalises with the biased variance of the batch and keeps the unbiased one; the graph's definition keeps
    what it normalises with. `num_batches_tracked` stays zero: the momentum is fixed.
    """

    def forward(self, x: Tensor) -> Tensor:
        rows = x.reshape(-1, self.num_features)
        mean, variance = self.running_mean, self.running_var
        assert mean is not None
        assert variance is not None
        assert self.momentum is not None
        if not self.training:
            return functional.batch_norm(rows, mean, variance, self.weight, self.bias, False, 0.0, self.eps).view_as(x)
        # 1 / sqrt(variance + eps) of the batch comes with the result, so its variance costs no second pass.
        result, batch_mean, inverse = torch.native_batch_norm(
            rows, self.weight, self.bias, None, None, True, 0.0, self.eps
        )
        with torch.no_grad():
            mean.lerp_(batch_mean.detach(), self.momentum)
            variance.lerp_(inverse.detach().pow(-2).sub_(self.eps).clamp_(min=0.0), self.momentum)
        return result.view_as(x)

    def _get_name(self) -> str:
        return "BatchNorm"


class _Conv1d(nn.Conv1d):
    """Convolution of (B, T, F) with zero steps before and after, of any number each."""

    def __init__(self, features: int, attrs: Conv1d) -> None:
        super().__init__(
            features, attrs.units, attrs.size, stride=attrs.stride, dilation=attrs.dilation, bias=attrs.has_bias
        )
        self.steps = attrs.padding

    def forward(self, x: Tensor) -> Tensor:
        padded = functional.pad(x.transpose(1, 2), self.steps) if any(self.steps) else x.transpose(1, 2)
        return super().forward(padded).transpose(1, 2)

    def _get_name(self) -> str:
        return "Conv1d"


class _Attention(nn.MultiheadAttention):
    """Self-attention of (B, T, D) by PyTorch's fused kernel, in training as at inference.

    The class's own forward takes another way at inference, which tracing and exporting do not follow.
    """

    def __init__(self, size: int, attrs: Attention) -> None:
        super().__init__(size, attrs.heads, bias=attrs.has_bias, batch_first=True)
        self.is_causal = attrs.is_causal

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        assert self.in_proj_weight is not None
        projected = functional.linear(x, self.in_proj_weight, self.in_proj_bias)  # (B, T, 3D)
        batch, steps, size = x.shape
        heads = projected.reshape(batch, steps, 3, self.num_heads, self.head_dim)
        query, key, value = heads.permute(2, 0, 3, 1, 4).unbind(0)  # (B, heads, T, d) each
        mixed = functional.scaled_dot_product_attention(query, key, value, is_causal=self.is_causal)
        output: Tensor = self.out_proj(mixed.transpose(1, 2).reshape(batch, steps, size))
        return output

    def _get_name(self) -> str:
        return "MultiheadAttention"


class _Prelu(nn.PReLU):
    """A slope for each channel of the last axis, where PyTorch's own layer means axis 1."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.where(x >= 0, x, self.weight * x)

    def _get_name(self) -> str:
        return "PReLU"


def _dense(attrs: Dense, inputs: Sequence[Value]) -> Built:
    return nn.Linear(width(inputs[0]), attrs.units, bias=attrs.has_bias).requires_grad_(attrs.is_trainable)


def _embedding(attrs: Embedding, inputs: Sequence[Value]) -> Built:
    return nn.Embedding(attrs.count, attrs.width)


def _one_hot(attrs: OneHot, inputs: Sequence[Value]) -> Built:
    """Codes outside the table give zeros, where `functional.one_hot` would raise."""

    def one_hot(x: Tensor) -> Tensor:
        return torch.eq(x.unsqueeze(-1), torch.arange(attrs.count, device=x.device)).to(torch.float32)

    return one_hot


def _dropout(attrs: Dropout, inputs: Sequence[Value]) -> Built:
    return nn.Dropout(attrs.rate)


def _layer_norm(attrs: Norm, inputs: Sequence[Value]) -> Built:
    return nn.LayerNorm(width(inputs[0]), eps=attrs.epsilon)


def _batch_norm(attrs: BatchNorm, inputs: Sequence[Value]) -> Built:
    return _BatchNorm(width(inputs[0]), eps=attrs.epsilon, momentum=attrs.momentum)


def _recurrent(kind: type[nn.LSTM] | type[nn.GRU]) -> Builder:
    def build(attrs: Recurrent, inputs: Sequence[Value]) -> Built:
        layer = kind(width(inputs[0]), attrs.units, batch_first=True, bidirectional=attrs.is_bidirectional)
        if kind is nn.LSTM:
            _freeze_second_bias(layer)
        if attrs.returns_sequence:
            return layer, lambda result: result[0]
        if not attrs.is_bidirectional:
            return layer, lambda result: result[0][:, -1]
        return layer, lambda result: _last_of_both(result[0], attrs.units)

    return build


def _conv1d(attrs: Conv1d, inputs: Sequence[Value]) -> Built:
    return _Conv1d(width(inputs[0]), attrs)


def _attention(attrs: Attention, inputs: Sequence[Value]) -> Built:
    return _Attention(width(inputs[0]), attrs)


def _prelu(attrs: Prelu, inputs: Sequence[Value]) -> Built:
    return _Prelu(1 if attrs.is_shared else width(inputs[0]))


def _freeze_second_bias(layer: nn.RNNBase) -> None:
    """An LSTM has one bias: PyTorch's second one stays zero, since two would take each step twice."""
    for name, parameter in layer.named_parameters():
        if name.startswith("bias_hh"):
            parameter.requires_grad_(False)


def _last_of_both(sequence: Tensor, units: int) -> Tensor:
    """(B, T, 2D) to (B, 2D): the last step of the forward half, the first one of the backward half."""
    return torch.cat([sequence[:, -1, :units], sequence[:, 0, units:]], dim=-1)


def _activation(layer: Callable[[], nn.Module]) -> Builder:
    return lambda attrs, inputs: layer()


def _leaky_relu(attrs: LeakyRelu, inputs: Sequence[Value]) -> Built:
    return nn.LeakyReLU(attrs.slope)


def _function(function: Function) -> Builder:
    return lambda attrs, inputs: function


def _concat(attrs: Concat, inputs: Sequence[Value]) -> Built:
    return lambda *xs: torch.cat(xs, dim=attrs.axis)


def _reshape(attrs: Reshape, inputs: Sequence[Value]) -> Built:
    if inputs[0].shape[1:] == (*attrs.shape, 1):
        return lambda x: x.squeeze(-1)  # a column of codes for its embedding: a quarter of the time of a reshape
    return lambda x: x.reshape(-1, *attrs.shape)


def _transpose(attrs: Transpose, inputs: Sequence[Value]) -> Built:
    return lambda x: x.permute(attrs.axes)


def _slice(attrs: Slice, inputs: Sequence[Value]) -> Built:
    axis = attrs.axis % len(inputs[0].shape)
    size = inputs[0].shape[axis]
    if isinstance(size, int):
        kept = range(size)[attrs.start : attrs.stop]
        return lambda x: x.narrow(axis, kept.start, len(kept))  # a third of the time of indexing with slices
    index = (*(slice(None),) * axis, slice(attrs.start, attrs.stop))
    return lambda x: x[index]


LAYERS: dict[str, Builder] = {
    "dense": _dense,
    "embedding": _embedding,
    "one_hot": _one_hot,
    "dropout": _dropout,
    "layer_norm": _layer_norm,
    "batch_norm": _batch_norm,
    "prelu": _prelu,
    "lstm": _recurrent(nn.LSTM),
    "gru": _recurrent(nn.GRU),
    "conv1d": _conv1d,
    "attention": _attention,
    "relu": _activation(nn.ReLU),
    "gelu": _activation(nn.GELU),
    "silu": _activation(nn.SiLU),
    "mish": _activation(nn.Mish),
    "selu": _activation(nn.SELU),
    "elu": _activation(nn.ELU),
    "tanh": _activation(nn.Tanh),
    "sigmoid": _activation(nn.Sigmoid),
    "softplus": _activation(nn.Softplus),
    "leaky_relu": _leaky_relu,
    "add": _function(torch.add),
    "sub": _function(torch.sub),
    "mul": _function(torch.mul),
    "div": _function(torch.div),
    "softmax": _activation(lambda: nn.Softmax(dim=-1)),
    "concat": _concat,
    "reshape": _reshape,
    "transpose": _transpose,
    "slice": _slice,
}
"""The edition of every network op; the keys are those of `graph.OPS` with `is_network`."""
