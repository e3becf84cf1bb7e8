"""Layers with weights that act on each row or step: dense, embeddings, normalisation, dropout, PReLU."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ambidex.graph.graph import Dtype, Parameter, Value
from ambidex.graph.op import Array, Attrs, Op, Shape, same_as_first, width


class Dense(Attrs, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """x · kernel + bias over the last axis. `init` names the draw of the kernel (see `graph.initial`)."""

    units: int
    has_bias: bool = True
    init: str = "glorot_uniform"
    is_trainable: bool = True


class Embedding(Attrs, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row of a table per code: codes (B,) or (B, …) to (…, width)."""

    count: int
    width: int
    init: str = "embedding"


class OneHot(Attrs, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Codes to 0/1 float32 vectors of `count`."""

    count: int


class Dropout(Attrs, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Zeroes a share `rate` while training, scaling the rest by 1 / (1 - rate); nothing at inference."""

    rate: float


class Norm(Attrs, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`epsilon` is added to the variance; always written down, since frameworks disagree on the default."""

    epsilon: float = 1e-5


class BatchNorm(Norm, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`momentum` is the weight of the new batch (torch's convention); running variance is the biased one."""

    momentum: float = 0.1


class Prelu(Attrs, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Times a trained slope where negative: one slope for each channel of the last axis, or one for all."""

    is_shared: bool = False


def _dense_weights(inputs: Sequence[Value], attrs: Dense) -> tuple[Parameter, ...]:
    shape = (width(inputs[0]), attrs.units)
    kernel = Parameter(name="kernel", shape=shape, init=attrs.init, is_trainable=attrs.is_trainable)
    bias = Parameter(name="bias", shape=(attrs.units,), init="zeros", is_trainable=attrs.is_trainable)
    return (kernel, bias) if attrs.has_bias else (kernel,)


def _infer_dense(inputs: Sequence[Value], attrs: Dense) -> tuple[Dtype, Shape]:
    return inputs[0].dtype, (*inputs[0].shape[:-1], attrs.units)


def _run_dense(inputs: Sequence[Array], attrs: Dense, weights: Mapping[str, Array]) -> Array:
    product = inputs[0] @ weights["kernel"]
    return np.asarray(product + weights["bias"]) if attrs.has_bias else np.asarray(product)


def _embedding_weights(inputs: Sequence[Value], attrs: Embedding) -> tuple[Parameter, ...]:
    return (Parameter(name="table", shape=(attrs.count, attrs.width), init=attrs.init),)


def _infer_embedding(inputs: Sequence[Value], attrs: Embedding) -> tuple[Dtype, Shape]:
    return "float32", (*inputs[0].shape, attrs.width)


def _run_embedding(inputs: Sequence[Array], attrs: Embedding, weights: Mapping[str, Array]) -> Array:
    return np.asarray(weights["table"][inputs[0]])


def _infer_one_hot(inputs: Sequence[Value], attrs: OneHot) -> tuple[Dtype, Shape]:
    return "float32", (*inputs[0].shape, attrs.count)


def _run_one_hot(inputs: Sequence[Array], attrs: OneHot, weights: Mapping[str, Array]) -> Array:
    return np.asarray(inputs[0][..., None] == np.arange(attrs.count), dtype=np.float32)


def _run_dropout(inputs: Sequence[Array], attrs: Any, weights: Mapping[str, Array]) -> Array:
    return inputs[0]


def _layer_norm_weights(inputs: Sequence[Value], attrs: Norm) -> tuple[Parameter, ...]:
    shape = (width(inputs[0]),)
    return Parameter(name="scale", shape=shape, init="ones"), Parameter(name="offset", shape=shape, init="zeros")


def _run_layer_norm(inputs: Sequence[Array], attrs: Norm, weights: Mapping[str, Array]) -> Array:
    """Over the last axis, with the biased variance (Ba et al. 2016, eq. 3)."""
    x = inputs[0]
    centred = x - x.mean(axis=-1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + attrs.epsilon)
    return np.asarray(scaled * weights["scale"] + weights["offset"])


def _batch_norm_weights(inputs: Sequence[Value], attrs: BatchNorm) -> tuple[Parameter, ...]:
    shape = (width(inputs[0]),)
    return (
        Parameter(name="scale", shape=shape, init="ones"),
        Parameter(name="offset", shape=shape, init="zeros"),
        Parameter(name="mean", shape=shape, init="zeros", is_trainable=False, is_state=True),
        Parameter(name="variance", shape=shape, init="ones", is_trainable=False, is_state=True),
    )


def _run_batch_norm(inputs: Sequence[Array], attrs: BatchNorm, weights: Mapping[str, Array]) -> Array:
    """Over the last axis with the running statistics (Ioffe & Szegedy 2015, algorithm 2)."""
    scaled = (inputs[0] - weights["mean"]) / np.sqrt(weights["variance"] + attrs.epsilon)
    return np.asarray(scaled * weights["scale"] + weights["offset"])


def _prelu_weights(inputs: Sequence[Value], attrs: Prelu) -> tuple[Parameter, ...]:
    """(D,), or (1,) where it is shared; begins at a quarter (He et al. 2015, §2.1)."""
    return (Parameter(name="slope", shape=(1 if attrs.is_shared else width(inputs[0]),), init="quarter"),)


def _run_prelu(inputs: Sequence[Array], attrs: Prelu, weights: Mapping[str, Array]) -> Array:
    return np.where(inputs[0] >= 0, inputs[0], weights["slope"] * inputs[0])


LAYERS: tuple[Op, ...] = (
    Op(name="dense", attrs=Dense, run=_run_dense, infer=_infer_dense, weights=_dense_weights, is_network=True),
    Op(
        name="embedding",
        attrs=Embedding,
        run=_run_embedding,
        infer=_infer_embedding,
        weights=_embedding_weights,
        is_network=True,
    ),
    Op(name="one_hot", attrs=OneHot, run=_run_one_hot, infer=_infer_one_hot, is_network=True),
    Op(name="dropout", attrs=Dropout, run=_run_dropout, infer=same_as_first, is_network=True),
    Op(
        name="layer_norm",
        attrs=Norm,
        run=_run_layer_norm,
        infer=same_as_first,
        weights=_layer_norm_weights,
        is_network=True,
    ),
    Op(
        name="batch_norm",
        attrs=BatchNorm,
        run=_run_batch_norm,
        infer=same_as_first,
        weights=_batch_norm_weights,
        is_network=True,
    ),
    Op(name="prelu", attrs=Prelu, run=_run_prelu, infer=same_as_first, weights=_prelu_weights, is_network=True),
)
