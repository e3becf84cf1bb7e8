"""Layers that look along time: convolution and self-attention over (B, T, F)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated

import msgspec
import numpy as np

from ambidex.graph.graph import Dim, Dtype, Parameter, Value
from ambidex.graph.op import Array, Attrs, Op, Shape, width

Positive = Annotated[int, msgspec.Meta(ge=1)]
Natural = Annotated[int, msgspec.Meta(ge=0)]


class Conv1d(Attrs, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A convolution along time of `size` taps, `dilation` steps apart, moving `stride` steps.

    `padding` is how many zero steps come before and after, always written down, since frameworks disagree on what
    "same" means. Causal is ((size - 1) · dilation, 0). A stride and a dilation do not go together: Keras has no such
    layer.
    """

    units: Positive
    size: Positive
    stride: Positive = 1
    dilation: Positive = 1
    padding: tuple[Natural, Natural] = (0, 0)
    has_bias: bool = True
    init: str = "glorot_uniform"

    @property
    def reach(self) -> int:
        """How many steps before itself the last tap of a window reads."""
        return (self.size - 1) * self.dilation

    @property
    def is_causal(self) -> bool:
        """Whether no output reads a later step, and there is one for every step."""
        return self.padding == (self.reach, 0)


class Attention(Attrs, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Multi-head self-attention of width D, `heads` of D / heads each; `is_causal` hides later steps."""

    heads: Positive
    is_causal: bool = False
    has_bias: bool = True


READERS = ("query", "key", "value")
"""The projections of the input, in this order; `output` is the one of what the heads found."""


def _infer_conv1d(inputs: Sequence[Value], attrs: Conv1d) -> tuple[Dtype, Shape]:
    batch, time, _ = inputs[0].shape
    if attrs.stride > 1 and attrs.dilation > 1:
        raise ValueError(f"Expected a stride or a dilation, got both: {attrs.stride} and {attrs.dilation}.")
    return inputs[0].dtype, (batch, _steps(time, attrs), attrs.units)


def _steps(time: Dim, attrs: Conv1d) -> Dim:
    lost = attrs.reach - sum(attrs.padding)
    if isinstance(time, int):
        if time <= lost:
            raise ValueError(f"Expected more than {lost} steps for the convolution, got {time}.")
        return (time - lost - 1) // attrs.stride + 1
    if attrs.stride > 1:
        raise ValueError(f"Expected a fixed number of steps for a stride of {attrs.stride}, got {time!r}.")
    return time if lost == 0 else f"{time}{-lost:+d}"


def _conv1d_weights(inputs: Sequence[Value], attrs: Conv1d) -> tuple[Parameter, ...]:
    """The kernel is (size, F, units), its taps in the order of time."""
    kernel = Parameter(name="kernel", shape=(attrs.size, width(inputs[0]), attrs.units), init=attrs.init)
    bias = Parameter(name="bias", shape=(attrs.units,), init="zeros")
    return (kernel, bias) if attrs.has_bias else (kernel,)


def _run_conv1d(inputs: Sequence[Array], attrs: Conv1d, weights: Mapping[str, Array]) -> Array:
    """The sum over taps of a shifted input times the tap's matrix."""
    x = np.pad(inputs[0], ((0, 0), attrs.padding, (0, 0)))
    steps = (x.shape[1] - attrs.reach - 1) // attrs.stride + 1
    total = np.zeros((x.shape[0], steps, attrs.units), dtype=x.dtype)
    for tap in range(attrs.size):
        first = tap * attrs.dilation
        total += x[:, first : first + (steps - 1) * attrs.stride + 1 : attrs.stride] @ weights["kernel"][tap]
    return np.asarray(total + weights["bias"]) if attrs.has_bias else total


def _infer_attention(inputs: Sequence[Value], attrs: Attention) -> tuple[Dtype, Shape]:
    batch, time, _ = inputs[0].shape
    if width(inputs[0]) % attrs.heads:
        raise ValueError(f"Expected a width that {attrs.heads} heads divide, got {width(inputs[0])}.")
    return inputs[0].dtype, (batch, time, width(inputs[0]))


def _attention_weights(inputs: Sequence[Value], attrs: Attention) -> tuple[Parameter, ...]:
    size = width(inputs[0])
    return tuple(
        Parameter(name=f"{name}.kernel", shape=(size, size), init="glorot_uniform")
        if part == "kernel"
        else Parameter(name=f"{name}.bias", shape=(size,), init="zeros")
        for names in (READERS, ("output",))
        for part in ("kernel", "bias")
        for name in names
        if part == "kernel" or attrs.has_bias
    )


def _run_attention(inputs: Sequence[Array], attrs: Attention, weights: Mapping[str, Array]) -> Array:
    """softmax(Q Kᵀ / √d) V per head (Vaswani et al. 2017, §3.2)."""
    x = inputs[0]
    batch, steps, size = x.shape
    query, key, value = (_project(x, name, weights) for name in READERS)
    heads = [
        part.reshape(batch, steps, attrs.heads, -1).transpose(0, 2, 1, 3) for part in (query, key, value)
    ]  # (B, heads, T, d)
    scores = heads[0] @ heads[1].transpose(0, 1, 3, 2) / math.sqrt(size // attrs.heads)  # (B, heads, T, T)
    if attrs.is_causal:
        scores = np.where(np.tri(steps, dtype=bool), scores, -np.inf)
    shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
    shares /= shares.sum(axis=-1, keepdims=True)
    joined = (shares @ heads[2]).transpose(0, 2, 1, 3).reshape(batch, steps, size)
    return _project(joined.astype(x.dtype), "output", weights)


def _project(x: Array, name: str, weights: Mapping[str, Array]) -> Array:
    product = x @ weights[f"{name}.kernel"]
    return np.asarray(product + weights[f"{name}.bias"]) if f"{name}.bias" in weights else np.asarray(product)


SEQUENCE: tuple[Op, ...] = (
    Op(name="conv1d", attrs=Conv1d, run=_run_conv1d, infer=_infer_conv1d, weights=_conv1d_weights, is_network=True),
    Op(
        name="attention",
        attrs=Attention,
        run=_run_attention,
        infer=_infer_attention,
        weights=_attention_weights,
        is_network=True,
    ),
)
