"""Other people's PyTorch programs as ONNX. Twin of `keras/ingested.py`."""

from __future__ import annotations

import io
import warnings

from ambidex.backends.torch._import import Untyped, torch

# A batch of two: one row would be taken for a constant.
EXAMPLE_ROWS = 2


def onnx_bytes(path: str, *, kind: str, widths: dict[str, int], opset: int) -> bytes:
    """The `torchscript` or `pt2` file converted by PyTorch, with a free batch and its inputs under their names.

    `widths` are the columns of each input (B, F) float32, 0 for one without that dimension. Raises what the converter
    raises.
    """
    module = _module(path, kind)
    examples = tuple(torch.zeros((EXAMPLE_ROWS, width) if width else (EXAMPLE_ROWS,)) for width in widths.values())
    written: Untyped = io.BytesIO()  # taken, though the annotation names only paths
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the converter's own deprecation; there is no other without onnxscript
        traced = torch.jit.trace(module, examples) if kind == "pt2" else module  # type: ignore[no-untyped-call]
        torch.onnx.export(
            traced,
            examples,
            written,
            input_names=list(widths),
            dynamic_axes={name: {0: "B"} for name in widths},
            opset_version=opset,
            dynamo=False,
        )
    raw: bytes = written.getvalue()
    return raw


def _module(path: str, kind: str) -> Untyped:
    if kind == "pt2":
        return torch.export.load(path).module()
    return torch.jit.load(path, map_location="cpu")  # type: ignore[no-untyped-call]
