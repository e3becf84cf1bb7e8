"""The one place that imports the onnx package, for its protobuf classes and its checker."""

from __future__ import annotations

from typing import Any

from ambidex.errors import BackendError


def load_onnx() -> Any:
    """The onnx module; a `BackendError` with the remedy where it is not installed."""
    try:
        import onnx
        import onnx.checker
    except ImportError as error:
        raise BackendError(
            "Expected the package onnx to write a graph, got none. pip install 'ambidex[torch]', or onnx alone."
        ) from error
    return onnx
