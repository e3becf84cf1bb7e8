"""The PyTorch source of every network op, and where its weights go in the module's `state_dict`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ambidex.eject.source import Argument, Array, Emit, Layer, Source, Stored, swapped_gates
from ambidex.graph import Value
from ambidex.graph.op import width
from ambidex.graph.ops.activation import LeakyRelu
from ambidex.graph.ops.layer import BatchNorm, Dense, Dropout, Embedding, Norm, OneHot, Prelu
from ambidex.graph.ops.recurrent import Recurrent, directions
from ambidex.graph.ops.sequence import READERS, Attention, Conv1d
from ambidex.graph.ops.shape import Concat, Reshape, Slice, Transpose

_CALL = ("{layer}({0})",)


def _dense(attrs: Dense, inputs: Sequence[Value]) -> Source:
    arguments = [Argument(role="inputs", value=width(inputs[0])), Argument(role="units", value=attrs.units)]
    if not attrs.has_bias:
        arguments.append(Argument(role="bias", value=False, keyword="bias"))
    form = "{}" if attrs.is_trainable else "{}.requires_grad_(False)"
    return Source(lines=_CALL, layer=Layer(constructor="nn.Linear", arguments=tuple(arguments), form=form))


def _embedding(attrs: Embedding, inputs: Sequence[Value]) -> Source:
    arguments = (Argument(role="count", value=attrs.count), Argument(role="width", value=attrs.width))
    return Source(lines=_CALL, layer=Layer(constructor="nn.Embedding", arguments=arguments))


def _one_hot(attrs: OneHot, inputs: Sequence[Value]) -> Source:
    steps = f"torch.arange({attrs.count}, device={{0}}.device)"
    return Source(lines=(f"({{0}}.unsqueeze(-1) == {steps}).float()",))


def _dropout(attrs: Dropout, inputs: Sequence[Value]) -> Source:
    return Source(lines=_CALL, layer=_layer("nn.Dropout", rate=attrs.rate))


def _layer_norm(attrs: Norm, inputs: Sequence[Value]) -> Source:
    arguments = (Argument(role="units", value=width(inputs[0])), _eps(attrs.epsilon))
    return Source(lines=_CALL, layer=Layer(constructor="nn.LayerNorm", arguments=arguments))


def _eps(epsilon: float) -> Argument:
    return Argument(role="eps", value=epsilon, keyword="eps")


def _batch_norm(attrs: BatchNorm, inputs: Sequence[Value]) -> Source:
    momentum = Argument(role="momentum", value=attrs.momentum, keyword="momentum")
    arguments = (Argument(role="units", value=width(inputs[0])), _eps(attrs.epsilon), momentum)
    is_sequence = len(inputs[0].shape) == 3  # PyTorch wants the features on axis 1
    line = "{layer}({0}.transpose(1, 2)).transpose(1, 2)" if is_sequence else _CALL[0]
    return Source(lines=(line,), layer=Layer(constructor="nn.BatchNorm1d", arguments=arguments))


def _recurrent(kind: str) -> Emit:
    def emit(attrs: Recurrent, inputs: Sequence[Value]) -> Source:
        arguments = [
            Argument(role="inputs", value=width(inputs[0])),
            Argument(role="units", value=attrs.units),
            Argument(role="batch_first", value=True, keyword="batch_first"),
        ]
        if attrs.is_bidirectional:
            arguments.append(Argument(role="bidirectional", value=True, keyword="bidirectional"))
        form = "one_bias({})" if kind == "LSTM" else "{}"
        layer = Layer(constructor=f"nn.{kind}", arguments=tuple(arguments), form=form)
        run = "{out}, _ = {layer}({0})"
        if attrs.returns_sequence:
            return Source(lines=(run, "{out}"), layer=layer)
        if not attrs.is_bidirectional:
            return Source(lines=(run, "{out}[:, -1]"), layer=layer)
        size = attrs.units
        ends = f"torch.cat([{{out}}[:, -1, :{size}], {{out}}[:, 0, {size}:]], dim=-1)"
        return Source(lines=(run, ends), layer=layer)

    return emit


def _conv1d(attrs: Conv1d, inputs: Sequence[Value]) -> Source:
    """PyTorch wants the features on axis 1."""
    arguments = [
        Argument(role="inputs", value=width(inputs[0])),
        Argument(role="units", value=attrs.units),
        Argument(role="size", value=attrs.size),
    ]
    options = {"stride": (attrs.stride, 1), "dilation": (attrs.dilation, 1), "bias": (attrs.has_bias, True)}
    arguments += [
        Argument(role=name, value=value, keyword=name) for name, (value, usual) in options.items() if value != usual
    ]
    turned = "{0}.transpose(1, 2)"
    padded = f"F.pad({turned}, {attrs.padding})" if any(attrs.padding) else turned
    line = f"{{layer}}({padded}).transpose(1, 2)"
    return Source(lines=(line,), layer=Layer(constructor="nn.Conv1d", arguments=tuple(arguments)))


def _attention(attrs: Attention, inputs: Sequence[Value]) -> Source:
    arguments = [Argument(role="units", value=width(inputs[0])), Argument(role="heads", value=attrs.heads)]
    arguments += [] if attrs.has_bias else [Argument(role="bias", value=False, keyword="bias")]
    arguments.append(Argument(role="batch_first", value=True, keyword="batch_first"))
    layer = Layer(constructor="nn.MultiheadAttention", arguments=tuple(arguments))
    if not attrs.is_causal:
        return Source(lines=("{out}, _ = {layer}({0}, {0}, {0}, need_weights=False)", "{out}"), layer=layer)
    mask = "mask = nn.Transformer.generate_square_subsequent_mask({0}.shape[1])"
    run = "{out}, _ = {layer}({0}, {0}, {0}, attn_mask=mask.to({0}), need_weights=False)"
    return Source(lines=(mask, run, "{out}"), layer=layer)


def _prelu(attrs: Prelu, inputs: Sequence[Value]) -> Source:
    """PyTorch's own forward means the channels of axis 1, and ours lie on the last one."""
    slopes = Argument(role="units", value=1 if attrs.is_shared else width(inputs[0]))
    line = "torch.where({0} >= 0, {0}, {layer}.weight * {0})"
    return Source(lines=(line,), layer=Layer(constructor="nn.PReLU", arguments=(slopes,)))


def _layer(constructor: str, **arguments: Any) -> Layer:
    return Layer(
        constructor=constructor, arguments=tuple(Argument(role=role, value=value) for role, value in arguments.items())
    )


def _activation(name: str) -> Emit:
    return lambda attrs, inputs: Source(lines=_CALL, layer=Layer(constructor=name))


def _leaky_relu(attrs: LeakyRelu, inputs: Sequence[Value]) -> Source:
    return Source(lines=_CALL, layer=_layer("nn.LeakyReLU", slope=attrs.slope))


def _binary(sign: str) -> Emit:
    return lambda attrs, inputs: Source(lines=(f"{{0}} {sign} {{1}}",))


def _softmax(attrs: Any, inputs: Sequence[Value]) -> Source:
    return Source(lines=("torch.softmax({0}, dim=-1)",))


def _concat(attrs: Concat, inputs: Sequence[Value]) -> Source:
    return Source(lines=("{0}",) if len(inputs) == 1 else (f"torch.cat([{{all}}], dim={attrs.axis})",))


def _reshape(attrs: Reshape, inputs: Sequence[Value]) -> Source:
    if len(attrs.shape) == 1:
        return Source(lines=("{0}.flatten(1)",))
    return Source(lines=(f"{{0}}.reshape({', '.join(map(str, (-1, *attrs.shape)))})",))


def _transpose(attrs: Transpose, inputs: Sequence[Value]) -> Source:
    if attrs.axes == (0, 2, 1):
        return Source(lines=("{0}.transpose(1, 2)",))
    return Source(lines=(f"{{0}}.permute({', '.join(map(str, attrs.axes))})",))


def slice_text(attrs: Slice, rank: int) -> str:
    """The index of a slice, `:, -96:`."""
    stop = "" if attrs.stop is None else str(attrs.stop)
    return ", ".join([":"] * (attrs.axis % rank) + [f"{attrs.start or ''}:{stop}"])


def _slice(attrs: Slice, inputs: Sequence[Value]) -> Source:
    return Source(lines=(f"{{0}}[{slice_text(attrs, len(inputs[0].shape))}]",))


LAYERS: dict[str, Emit] = {
    "dense": _dense,
    "embedding": _embedding,
    "one_hot": _one_hot,
    "dropout": _dropout,
    "layer_norm": _layer_norm,
    "batch_norm": _batch_norm,
    "lstm": _recurrent("LSTM"),
    "gru": _recurrent("GRU"),
    "conv1d": _conv1d,
    "attention": _attention,
    "prelu": _prelu,
    "relu": _activation("nn.ReLU"),
    "gelu": _activation("nn.GELU"),
    "silu": _activation("nn.SiLU"),
    "mish": _activation("nn.Mish"),
    "selu": _activation("nn.SELU"),
    "elu": _activation("nn.ELU"),
    "tanh": _activation("nn.Tanh"),
    "sigmoid": _activation("nn.Sigmoid"),
    "softplus": _activation("nn.Softplus"),
    "leaky_relu": _leaky_relu,
    "add": _binary("+"),
    "sub": _binary("-"),
    "mul": _binary("*"),
    "div": _binary("/"),
    "softmax": _softmax,
    "concat": _concat,
    "reshape": _reshape,
    "transpose": _transpose,
    "slice": _slice,
}
"""The source of every network op; the keys are those of `graph.OPS` with `is_network`."""


# Weights


def _dense_weights(attrs: Dense, parts: Mapping[str, Array]) -> Stored:
    return {"weight": parts["kernel"].T} | ({"bias": parts["bias"]} if attrs.has_bias else {})


def _conv1d_weights(attrs: Conv1d, parts: Mapping[str, Array]) -> Stored:
    """Taps, inputs, outputs here; outputs, inputs, taps in PyTorch."""
    return {"weight": parts["kernel"].transpose(2, 1, 0)} | ({"bias": parts["bias"]} if attrs.has_bias else {})


def _attention_weights(attrs: Attention, parts: Mapping[str, Array]) -> Stored:
    """The projections of the input lie one above the other."""
    found = {
        "in_proj_weight": np.concatenate([parts[f"{name}.kernel"].T for name in READERS]),
        "out_proj.weight": parts["output.kernel"].T,
    }
    if attrs.has_bias:
        found["in_proj_bias"] = np.concatenate([parts[f"{name}.bias"] for name in READERS])
        found["out_proj.bias"] = parts["output.bias"]
    return found


def _renamed(**names: str) -> Callable[[Any, Mapping[str, Array]], Stored]:
    return lambda attrs, parts: {theirs: parts[ours] for ours, theirs in names.items()}


def _batch_norm_weights(attrs: BatchNorm, parts: Mapping[str, Array]) -> Stored:
    names = {"weight": "scale", "bias": "offset", "running_mean": "mean", "running_var": "variance"}
    found = {theirs: parts[ours] for theirs, ours in names.items()}
    return found | {"num_batches_tracked": np.zeros((), dtype=np.int64)}


def _recurrent_weights(attrs: Recurrent, parts: Mapping[str, Array]) -> Stored:
    """Gates of a GRU are update, reset, new here and reset, update, new in PyTorch; an LSTM's second bias is zero."""
    found: Stored = {}
    for way, tail in zip(directions(attrs), ("l0", "l0_reverse"), strict=False):
        is_gru = f"{way}.recurrent_bias" in parts
        order = swapped_gates if is_gru else np.asarray
        bias = parts[f"{way}.bias"]
        found[f"weight_ih_{tail}"] = order(parts[f"{way}.kernel"].T)
        found[f"weight_hh_{tail}"] = order(parts[f"{way}.recurrent_kernel"].T)
        found[f"bias_ih_{tail}"] = order(bias)
        found[f"bias_hh_{tail}"] = order(parts[f"{way}.recurrent_bias"]) if is_gru else np.zeros_like(bias)
    return found


WEIGHTS: dict[str, Callable[[Any, Mapping[str, Array]], Stored]] = {
    "dense": _dense_weights,
    "embedding": _renamed(table="weight"),
    "layer_norm": _renamed(scale="weight", offset="bias"),
    "batch_norm": _batch_norm_weights,
    "lstm": _recurrent_weights,
    "gru": _recurrent_weights,
    "conv1d": _conv1d_weights,
    "attention": _attention_weights,
    "prelu": _renamed(slope="weight"),
}
"""From canonical parts to the entries of a layer's `state_dict`, for every op with weights."""
