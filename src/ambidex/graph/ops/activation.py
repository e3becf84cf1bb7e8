"""Elementwise functions of one tensor; all keep type and shape."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ambidex.graph.op import Array, Attrs, Op, same_as_first

SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805
_erf = np.vectorize(math.erf, otypes=[np.float64])


class LeakyRelu(Attrs, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`slope` of the negative side; always written down, since frameworks disagree on the default."""

    slope: float


def sigmoid(x: Array) -> Array:
    """1 / (1 + e^-x) without overflow on either side."""
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + e), e / (1 + e)).astype(x.dtype)


def softplus(x: Array) -> Array:
    """log(1 + e^x) without overflow."""
    return np.asarray(np.logaddexp(x, 0))


def _gelu(x: Array) -> Array:
    """Gives x Φ(x) with the exact error function (not the tanh approximation)."""
    return np.asarray(0.5 * x * (1 + _erf(x / math.sqrt(2))), dtype=x.dtype)


def _selu(x: Array) -> Array:
    return np.asarray(SELU_SCALE * np.where(x > 0, x, SELU_ALPHA * np.expm1(np.minimum(x, 0))), dtype=x.dtype)


def _leaky_relu(inputs: Sequence[Array], attrs: LeakyRelu, weights: Mapping[str, Array]) -> Array:
    return np.where(inputs[0] >= 0, inputs[0], attrs.slope * inputs[0]).astype(inputs[0].dtype)


def _entry(name: str, function: Callable[[Array], Array]) -> Op:
    def run(inputs: Sequence[Array], attrs: Any, weights: Mapping[str, Array]) -> Array:
        return function(inputs[0])

    return Op(name=name, run=run, infer=same_as_first, is_network=True)


ACTIVATIONS: tuple[Op, ...] = (
    _entry("relu", lambda x: np.maximum(x, 0)),
    _entry("gelu", _gelu),
    _entry("silu", lambda x: x * sigmoid(x)),
    _entry("mish", lambda x: x * np.tanh(softplus(x))),
    _entry("selu", _selu),
    _entry("elu", lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0)))),
    _entry("tanh", np.tanh),
    _entry("sigmoid", sigmoid),
    _entry("softplus", softplus),
    Op(name="leaky_relu", attrs=LeakyRelu, run=_leaky_relu, infer=same_as_first, is_network=True),
)
