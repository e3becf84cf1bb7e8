"""The tensor inside the file that stands for an input of the graph, whether it comes packed or by column."""

from __future__ import annotations

from collections.abc import Sequence

from ambidex.export.onnx.context import Context, cast, join
from ambidex.graph.graph import Value


def pack(context: Context, value: Value, ports: Sequence[Value], *, is_packed: bool) -> str:
    """The tensor that an input of the graph stands for."""
    context.scope = value.name
    names = [port.name for port in ports]
    if is_packed:
        tensor = names[0]
    else:
        last = context.integers(-1)
        tensor = join(context, [context.add("Unsqueeze", name, last) for name in names])
    return tensor if ports[0].dtype == value.dtype else cast(context, tensor, value.dtype)
