"""Runs one op as the reference would."""

from __future__ import annotations

from typing import Any

import numpy as np

from ambidex.graph import OPS
from ambidex.graph.graph import Node
from ambidex.graph.infer import read_node
from ambidex.graph.op import Array


def run(op: str, *inputs: Any, weights: dict[str, Array] | None = None, **attrs: Any) -> Array:
    """The result of an op on arrays, or on what `np.asarray` takes."""
    _, record = read_node(Node(name=op, op=op, inputs=(), attrs=attrs))
    return OPS[op].run([np.asarray(each) for each in inputs], record, weights or {})
