"""Weights in fewer bits: how far they may move, and that the file is smaller for it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tests.export.artifacts import artifact_of

from ambidex.backends.source import Options
from ambidex.export.onnx.compact import LEVELS, compact
from ambidex.export.onnx.context import Context, Step
from ambidex.export.onnx.target import model_of
from ambidex.workflow.export import source_of

kernels = hnp.arrays(np.float32, st.sampled_from([(8, 8), (2, 16, 8)]), elements=st.floats(-100, 100, width=32))


@given(kernel=kernels)
def test_int8_moves_a_weight_by_at_most_half_a_step(kernel: np.ndarray) -> None:
    context = Context([])
    context.steps.append(Step("MatMul", ["x", context.weight("kernel", kernel)], ["y"], {}))
    compact(context, "int8")
    stored, scale = context.initializers["kernel"], context.initializers["kernel/scale"]
    assert stored.dtype == np.int8
    shape = [1] * kernel.ndim
    shape[1] = -1
    restored = stored * scale.reshape(shape)
    largest = np.abs(kernel).max(axis=tuple(axis for axis in range(kernel.ndim) if axis != 1))
    assert (np.abs(restored - kernel) <= (largest / LEVELS).reshape(shape) * 0.5001 + np.finfo(np.float32).tiny).all()
    turned, product = context.steps
    assert (turned.op, turned.attributes) == ("DequantizeLinear", {"axis": 1})
    assert product.inputs == ["x", turned.outputs[0]]


def test_small_weights_and_those_beyond_float16_stay() -> None:
    context = Context([])
    small, huge = np.ones((3, 3), np.float32), np.full((20, 20), 1e6, np.float32)
    names = [context.weight("small", small), context.weight("huge", huge)]
    context.steps.append(Step("MatMul", names, ["y"], {}))
    compact(context, "float16")
    assert [step.op for step in context.steps] == ["MatMul"]
    assert {array.dtype.name for array in context.initializers.values()} == {"float32"}


@pytest.mark.parametrize("model", ["mlp", "lstm", "gru"])
def test_fewer_bits_make_a_smaller_file(model: str) -> None:
    source = source_of(artifact_of(model))
    sizes = [len(model_of(source, Options(precision=precision))) for precision in ("int8", "float16", "float32")]
    assert sizes == sorted(sizes)
    assert sizes[0] < 0.6 * sizes[2]
