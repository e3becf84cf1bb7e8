from __future__ import annotations

import numpy as np
import pytest
from tests.export.onnx.edition import Array, assert_same, load, normal, one_op, run, value
from tests.tolerances import FORWARD_DENSE, SAME_FLOAT64

from ambidex.errors import ArtifactError
from ambidex.export.onnx import export_onnx
from ambidex.export.onnx.ops.activation import ACTIVATIONS
from ambidex.graph import predict

ATTRS = {"leaky_relu": {"slope": 0.2}}


def wide(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """From far below the point where e^x vanishes to far above, and zero."""
    return rng.choice([-800.0, -40.0, -20.0, -1e-9, 0.0, 1e-9, 0.5, 30.0, 800.0], shape)


@pytest.mark.parametrize("op", ACTIVATIONS)
def test_float32_is_the_numpy_edition(op: str, rng: np.random.Generator) -> None:
    graph = one_op(op, value("x", "float32", "B", "T", 3), **ATTRS.get(op, {}))
    assert_same(graph, normal, rng, FORWARD_DENSE)
    assert_same(graph, wide, rng, FORWARD_DENSE)


@pytest.mark.parametrize("op", sorted(set(ACTIVATIONS) - {"gelu"}))
def test_float64_stays_float64(op: str, rng: np.random.Generator) -> None:
    graph = one_op(op, value("x", "float64", "B", 3), **ATTRS.get(op, {}))
    assert_same(graph, normal, rng, SAME_FLOAT64)
    assert_same(graph, wide, rng, SAME_FLOAT64)


def test_float64_gelu_is_refused() -> None:
    with pytest.raises(ArtifactError, match="Expected float32 for gelu, got float64 at node 'result'"):
        export_onnx(one_op("gelu", value("x", "float64", "B", 3)), {}, metadata={})


@pytest.mark.parametrize("op", ["sigmoid", "softplus", "elu", "selu"])
def test_small_float64_results_keep_their_digits(op: str) -> None:
    graph = one_op(op, value("x", "float64", "B", 1))
    x = np.array([[-30.0], [-1e-12], [-700.0], [1e-12]])
    got = run(load(export_onnx(graph, {}, metadata={})), {"x": x})["answer"]
    np.testing.assert_allclose(got, predict(graph, {"x": x}, {})["answer"], rtol=1e-14, atol=0)
