"""What each framework does unless told otherwise, where they disagree. Tests hold it against what is installed."""

from __future__ import annotations

import math
from collections.abc import Mapping

from ambidex.graph.op import Array

Sides = dict[str, str]

TRAINING: tuple[tuple[str, Sides, str], ...] = (
    (
        "Adam.epsilon",
        {"torch": "1e-08, after the bias correction", "keras": "1e-07, before it"},
        "at the first step Keras's is as large as 3.2e-06 after the correction: small gradients move less",
    ),
    (
        "AdamW.weight_decay",
        {"torch": "0.01", "keras": "0.004"},
        "weights shrink two and a half times as fast in PyTorch",
    ),
    (
        "RMSprop",
        {"torch": "alpha 0.99, √v + ε", "keras": "rho 0.9, √(v + ε)"},
        "the average of squares looks back ten times as far in PyTorch",
    ),
    (
        "weighted losses",
        {"torch": "divided by the sum of weights", "keras": "divided by the number of samples"},
        "class weights change the size of the loss, and so the step, in Keras alone",
    ),
    (
        "float32 on a GPU",
        {"torch": "strict for matrix products", "keras": "TensorFlow rounds to 10 bits (TF32)"},
        "outputs differ by about 1e-3 where a GPU has TF32",
    ),
)
"""Where, how in each framework, and what it does. None of it can be read off a network."""


def fresh_spread(framework: str, op: str, weights: Mapping[str, Array]) -> str:
    """How a framework draws the weights of a new layer of this shape, in words with its limits; empty where alike."""
    kernel = weights.get("kernel", weights.get("forward.kernel"))
    if op == "embedding":
        return "normal, deviation 1" if framework == "torch" else "uniform ±0.05"
    if op == "prelu":
        return "slope 0.25" if framework == "torch" else "slope 0"
    if op in {"lstm", "gru"}:
        units = weights["forward.recurrent_kernel"].shape[0]
        if framework == "torch":
            return f"all uniform ±{1 / math.sqrt(units):.3g}"
        start = "biases 0, forget gates 1" if op == "lstm" else "biases 0"
        return f"Glorot and orthogonal kernels, {start}"
    if kernel is None:
        return ""
    taps = math.prod(kernel.shape[:-2])
    fan_in, fan_out = taps * kernel.shape[-2], taps * kernel.shape[-1]
    if framework == "torch":
        return f"kernel and bias uniform ±{1 / math.sqrt(fan_in):.3g}"
    return f"kernel uniform ±{math.sqrt(6 / (fan_in + fan_out)):.3g}, bias 0"
