"""Multilayer perceptron for tables: embedded categories and scaled numbers through dense layers."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import msgspec

from ambidex.arch.architecture import Activation, Settings, add_activation
from ambidex.graph import Builder
from ambidex.graph.inputs import TableInputs

Width = Annotated[int, msgspec.Meta(ge=1)]


class MlpSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`embedding` 0 chooses a width per column by `embedding_width`."""

    hidden: tuple[Width, ...] = (128, 128)
    activation: Activation = "silu"
    dropout: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.05
    norm: Literal["none", "layer", "batch"] = "none"
    embedding: Annotated[int, msgspec.Meta(ge=0)] = 0


def embedding_width(size: int) -> int:
    """A width that grows with the number of categories, between 2 and 32 (the rule of fastai's tabular learner)."""
    return max(2, min(32, round(1.6 * math.pow(size, 0.56))))


def build_mlp(builder: Builder, inputs: TableInputs, outputs: int, settings: MlpSettings) -> str:
    """Adds the network; returns logits or scaled numbers, (B, outputs)."""
    parts = [] if inputs.features is None else [inputs.features]
    if inputs.codes is not None:
        parts.append(_add_embeddings(builder, inputs.codes, inputs.sizes, settings))
    x = builder.add("network", "joined_inputs", "concat", *parts, axis=-1) if len(parts) > 1 else parts[0]
    for depth, units in enumerate(settings.hidden):
        x = _add_block(builder, f"blocks.{depth}", x, units, settings)
    return builder.add("network", "head", "dense", x, units=outputs)


def _add_block(builder: Builder, name: str, x: str, units: int, settings: MlpSettings) -> str:
    init = "lecun_normal" if settings.activation == "selu" else "he_uniform"
    # Batch norm takes the mean away, so a bias before it would have no gradient but rounding.
    has_bias = settings.norm != "batch"
    x = builder.add("network", f"{name}.dense", "dense", x, units=units, init=init, has_bias=has_bias)
    if settings.norm != "none":
        x = builder.add("network", f"{name}.norm", f"{settings.norm}_norm", x)
    x = add_activation(builder, f"{name}.activation", settings.activation, x)
    if settings.dropout > 0:
        x = builder.add("network", f"{name}.dropout", "dropout", x, rate=settings.dropout)
    return x


def _add_embeddings(builder: Builder, codes: str, sizes: tuple[int, ...], settings: MlpSettings) -> str:
    """Codes (B, C) to their vectors side by side, (B, D)."""
    vectors = []
    for column, size in enumerate(sizes):
        width = settings.embedding or embedding_width(size)
        code = builder.add("network", f"codes_{column}", "slice", codes, axis=1, start=column, stop=column + 1)
        vectors.append(builder.add("network", f"embeddings.{column}", "embedding", code, count=size, width=width))
    joined = builder.add("network", "vectors", "concat", *vectors, axis=-1) if len(vectors) > 1 else vectors[0]
    total = builder.value(joined).shape[-1]
    return builder.add("network", "embedded", "reshape", joined, shape=[total])
