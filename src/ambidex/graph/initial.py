"""Initial weights: NumPy draws that depend on the seed and the weight's name alone, so every engine starts equal."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from ambidex.graph.graph import Graph, Parameter
from ambidex.graph.infer import parameters

Floats = npt.NDArray[np.float32]
Draw = Callable[[np.random.Generator, tuple[int, ...]], npt.NDArray[Any]]


def _glorot_uniform(rng: np.random.Generator, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """Glorot & Bengio 2010, eq. 16; a convolution's taps all count."""
    taps = math.prod(shape[:-2])
    limit = math.sqrt(6 / (taps * (shape[-2] + shape[-1])))
    return rng.uniform(-limit, limit, shape)


def _he_uniform(rng: np.random.Generator, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """He et al. 2015, eq. 10, as a uniform draw of that variance."""
    limit = math.sqrt(6 / math.prod(shape[:-1]))
    return rng.uniform(-limit, limit, shape)


def _lecun_normal(rng: np.random.Generator, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """Klambauer et al. 2017: variance 1 / fan-in, which SELU needs to normalise itself."""
    return rng.normal(0, math.sqrt(1 / math.prod(shape[:-1])), shape)


def _orthogonal(rng: np.random.Generator, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """Saxe et al. 2014: one orthogonal matrix per gate (the blocks of the last axis)."""
    size = shape[0]
    blocks = []
    for _ in range(shape[1] // size):
        q, r = np.linalg.qr(rng.normal(size=(size, size)))
        blocks.append(q * np.sign(np.diag(r)))
    return np.concatenate(blocks, axis=1)


def _lstm_bias(rng: np.random.Generator, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """Zero, and one for the forget gate (Jozefowicz et al. 2015)."""
    bias = np.zeros(shape)
    units = shape[0] // 4
    bias[units : 2 * units] = 1
    return bias


INITS: dict[str, Draw] = {
    "zeros": lambda rng, shape: np.zeros(shape),
    "ones": lambda rng, shape: np.ones(shape),
    "quarter": lambda rng, shape: np.full(shape, 0.25),
    "glorot_uniform": _glorot_uniform,
    "he_uniform": _he_uniform,
    "lecun_normal": _lecun_normal,
    "orthogonal": _orthogonal,
    "lstm_bias": _lstm_bias,
    "embedding": lambda rng, shape: rng.normal(0, 0.1, shape),
}


def draw(parameter: Parameter, seed: int) -> Floats:
    """One weight; the stream depends on seed and name, so adding a layer moves no other one's draw."""
    rng = np.random.default_rng([seed, zlib.crc32(parameter.name.encode())])
    return INITS[parameter.init](rng, parameter.shape).astype(np.float32)


def initial_weights(graph: Graph, seed: int) -> dict[str, Floats]:
    """All weights of a graph by canonical name, float32."""
    return {parameter.name: draw(parameter, seed) for parameter in parameters(graph)}
