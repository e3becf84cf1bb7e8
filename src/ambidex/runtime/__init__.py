"""Runs ONNX graphs with onnxruntime, without numpy on the way: sessions over its C API, or over its Python binding."""

from ambidex.runtime.session import Session, Signature, open_session

__all__ = ["Session", "Signature", "open_session"]
