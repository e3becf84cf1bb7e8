"""The records that make a graph: values, nodes, parameters. Plain data, written to `graph.json`."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Dtype = Literal["float64", "float32", "int64", "string", "bool"]
Dim = int | str
"""A fixed size, or a symbol: 'B' batch, 'T' time, or an expression of one such as '7*B' or 'T-1'."""


class Value(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tensor that flows: its name, element type and shape (the batch first)."""

    name: str
    dtype: Dtype
    shape: tuple[Dim, ...]


class Node(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One step: `op` of the table applied to `inputs`; its single result and its weights carry the node's name."""

    name: str
    op: str
    inputs: tuple[str, ...]
    attrs: dict[str, Any] = {}


class Parameter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A weight: `<node>.<part>`, float32. `init` is how it is drawn; a frozen one is not trained.

    `is_state` marks running statistics, which training updates but no gradient touches.
    """

    name: str
    shape: tuple[int, ...]
    init: str
    is_trainable: bool = True
    is_state: bool = False


class Graph(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Raw columns to decoded answers, in four sections that meet at two cuts.

        inputs ── prepare (float64) ──▶ prepared ── network (float32) ──▶ raw_outputs ── decode (float64) ──▶ outputs
        targets ── encode (float64, training only; may read values of prepare) ──▶ encoded

    `prepare` ends in the values named in `prepared`, cast to float32 or int64 codes. `decode` starts from the
    `raw_outputs`, which enter it as float64 under their own names, and may also read values of `prepare` (the last
    price of a window, say). `outputs` maps public names to values. Network nodes have editions in every engine;
    the other three have NumPy and ONNX.
    """

    inputs: tuple[Value, ...]
    prepare: tuple[Node, ...]
    prepared: tuple[str, ...]
    network: tuple[Node, ...]
    raw_outputs: tuple[str, ...]
    decode: tuple[Node, ...]
    outputs: dict[str, str]
    targets: tuple[Value, ...] = ()
    encode: tuple[Node, ...] = ()
    encoded: tuple[str, ...] = ()
