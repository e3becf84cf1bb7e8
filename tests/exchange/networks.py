"""Random small networks, the same in PyTorch and in Keras, as people write them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

EPSILON, MOMENTUM, SLOPE = 1e-4, 0.2, 0.15


class Twins(NamedTuple):
    """One network twice."""

    module: Any
    model: Any


def random_steps(rng: np.random.Generator) -> list[tuple[str, dict[str, Any]]]:
    """One to four layers over (B, T, F) and a head of one: names and sizes."""
    chosen: list[tuple[str, dict[str, Any]]] = []
    kinds = ["dense", "lstm", "gru", "conv1d", "batch_norm", "layer_norm", "attention", "prelu", "leaky_relu"]
    for kind in rng.choice(kinds, size=rng.integers(1, 5)):
        units, flag = int(rng.choice([2, 4, 6])), bool(rng.integers(2))
        told: dict[str, dict[str, Any]] = {
            "dense": {"units": units, "has_bias": flag},
            "lstm": {"units": units, "both": flag, "layers": int(rng.integers(1, 3))},
            "gru": {"units": units, "both": flag, "layers": int(rng.integers(1, 3))},
            "conv1d": {"units": units, "size": int(rng.integers(1, 4)), "dilation": int(rng.integers(1, 3))},
            "attention": {"heads": int(rng.choice([1, 2])), "causal": flag},
            "prelu": {"shared": flag},
        }
        chosen.append((str(kind), told.get(str(kind), {})))
    return [*chosen, ("dense", {"units": 1, "has_bias": True})]


def build(steps: Sequence[tuple[str, dict[str, Any]]], rng: np.random.Generator, *, count: int = 0) -> Twins:
    """Both networks. With `count` they begin with codes (B, T) of that many kinds, else with numbers (B, T, 4)."""
    import keras

    begin = keras.Input((7,), dtype="int32") if count else keras.Input((None, 4))
    x = keras.layers.Embedding(count, 4)(begin) if count else begin
    layers: list[tuple[str, Any]] = [("embedding", _torch_embedding(count))] if count else []
    width = 4
    for kind, told in steps:
        if kind == "attention" and width % 2:
            continue
        layers += _torch_layers(kind, told, width)
        x = _keras_layers(kind, told, x)
        width = int(x.shape[-1])
    twins = Twins(_chain(layers), keras.Model(begin, x))
    scramble(twins.module, rng)
    return twins


def _torch_embedding(count: int) -> Any:
    from torch import nn

    return nn.Embedding(count, 4)


def _torch_layers(kind: str, told: dict[str, Any], width: int) -> list[tuple[str, Any]]:
    from torch import nn

    def make() -> Any:
        if kind == "dense":
            return nn.Linear(width, told["units"], bias=told["has_bias"])
        if kind in {"lstm", "gru"}:
            stacked = {"num_layers": told["layers"], "bidirectional": told["both"], "batch_first": True}
            return (nn.LSTM if kind == "lstm" else nn.GRU)(width, told["units"], **stacked)
        if kind == "conv1d":
            return nn.Conv1d(width, told["units"], told["size"], dilation=told["dilation"])
        if kind == "attention":
            return nn.MultiheadAttention(width, told["heads"], batch_first=True)
        if kind == "prelu":
            return nn.PReLU(1 if told["shared"] else width)
        plain: dict[str, Any] = {
            "batch_norm": lambda: nn.BatchNorm1d(width, eps=EPSILON, momentum=MOMENTUM),
            "layer_norm": lambda: nn.LayerNorm(width, eps=EPSILON),
            "leaky_relu": lambda: nn.LeakyReLU(SLOPE),
        }
        return plain[kind]()

    is_causal = {"conv1d": True, "attention": told.get("causal", False)}.get(kind, False)
    return [(f"{kind}{' causal' * is_causal}", make())]


def _chain(layers: list[tuple[str, Any]]) -> Any:
    import torch
    from torch import nn

    class Chain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.kinds = [kind for kind, _ in layers]
            self.layers = nn.ModuleList(layer for _, layer in layers)

        def forward(self, x: Any) -> Any:
            for kind, layer in zip(self.kinds, self.layers, strict=True):
                x = self.call(kind, layer, x)
            return x

        def call(self, kind: str, layer: Any, x: Any) -> Any:
            if kind in {"lstm", "gru"}:
                return layer(x)[0]
            if kind == "conv1d causal":
                reach = (layer.kernel_size[0] - 1) * layer.dilation[0]
                return layer(nn.functional.pad(x.transpose(1, 2), (reach, 0))).transpose(1, 2)
            if kind.startswith("attention"):
                steps = x.shape[1]
                # True hides in PyTorch, and shows in Keras.
                mask = torch.ones(steps, steps, dtype=torch.bool).triu(1) if kind.endswith("causal") else None
                return layer(x, x, x, attn_mask=mask, need_weights=False)[0]
            if kind in {"batch_norm", "prelu"}:
                return layer(x.transpose(1, 2)).transpose(1, 2)
            return layer(x)

    return Chain()


def _keras_layers(kind: str, told: dict[str, Any], x: Any) -> Any:
    import keras

    if kind == "dense":
        return keras.layers.Dense(told["units"], use_bias=told["has_bias"])(x)
    if kind in {"lstm", "gru"}:
        for _ in range(told["layers"]):
            layer = (keras.layers.LSTM if kind == "lstm" else keras.layers.GRU)(told["units"], return_sequences=True)
            x = (keras.layers.Bidirectional(layer) if told["both"] else layer)(x)
        return x
    if kind == "attention":
        layer = keras.layers.MultiHeadAttention(told["heads"], x.shape[-1] // told["heads"])
        return layer(x, x, use_causal_mask=told["causal"])
    plain = {
        "conv1d": lambda: keras.layers.Conv1D(
            told["units"], told["size"], dilation_rate=told["dilation"], padding="causal"
        ),
        "batch_norm": lambda: keras.layers.BatchNormalization(epsilon=EPSILON, momentum=1 - MOMENTUM),
        "layer_norm": lambda: keras.layers.LayerNormalization(epsilon=EPSILON),
        "prelu": lambda: keras.layers.PReLU(shared_axes=[1, 2] if told["shared"] else [1]),
        "leaky_relu": lambda: keras.layers.LeakyReLU(SLOPE),
    }
    return plain[kind]()(x)


def scramble(module: Any, rng: np.random.Generator) -> None:
    """Weights of which no two are alike; variances are positive."""
    import torch

    with torch.no_grad():
        for name, tensor in module.state_dict().items():
            if tensor.is_floating_point():
                drawn = rng.normal(0, 0.4, tuple(tensor.shape))
                tensor.copy_(torch.from_numpy(np.abs(drawn) + 0.5 if "var" in name else drawn))
