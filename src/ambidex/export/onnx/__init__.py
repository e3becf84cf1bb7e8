"""Writes a graph as one ONNX file that onnxruntime serves: no framework, no third-party converter."""

from ambidex.export.onnx.model import export_onnx
from ambidex.export.onnx.proto import check
from ambidex.export.onnx.table import EMIT

__all__ = ["EMIT", "check", "export_onnx"]
