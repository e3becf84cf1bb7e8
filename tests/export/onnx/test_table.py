from __future__ import annotations

from ambidex.export.onnx import EMIT
from ambidex.graph import OPS


def test_every_op_can_be_written() -> None:
    assert list(EMIT) == list(OPS)
