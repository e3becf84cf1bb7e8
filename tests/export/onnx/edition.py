"""Runs an exported graph in onnxruntime beside its NumPy edition."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from ambidex.artifact.onnx_reader import check_model
from ambidex.export.onnx import check, export_onnx
from ambidex.graph import OPS, Builder, Graph, Value, initial_weights, parameters, predict

Array = npt.NDArray[Any]
Draw = Callable[[np.random.Generator, tuple[int, ...]], Array]

# Batches of one row, few and an odd number of vectors, each with two lengths of time.
SIZES = [(1, 5), (2, 8), (3, 5), (17, 8), (17, 1)]


def load(model: bytes) -> Any:
    """The model in onnxruntime, as it is served: on the CPU, with one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def run(session: Any, feeds: Mapping[str, Array]) -> dict[str, Array]:
    """All outputs by name."""
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(feeds)), strict=True))


def value(name: str, dtype: Any, *shape: int | str) -> Value:
    return Value(name=name, dtype=dtype, shape=shape)


def one_op(op: str, *inputs: Value, **attrs: Any) -> Graph:
    """A graph of a single op, in the network if it can be there (with float32 inputs), else in the preparation."""
    names = [entry.name for entry in inputs]
    builder = Builder(inputs)
    is_network = OPS[op].is_network and all(entry.dtype != "float64" for entry in inputs)
    result = builder.add("network" if is_network else "prepare", "result", op, *names, **attrs)
    raw = [result] if is_network else []
    return builder.build(prepared=names if is_network else [], raw_outputs=raw, outputs={"answer": result})


def weights_of(graph: Graph, rng: np.random.Generator) -> dict[str, npt.NDArray[np.float32]]:
    """Initial weights, with biases and running statistics that are not trivial."""
    weights = initial_weights(graph, 7)
    for part in parameters(graph):
        if part.init in ("zeros", "ones", "lstm_bias"):
            noise = rng.uniform(0.1, 1, part.shape).astype(np.float32)
            weights[part.name] = weights[part.name] + noise
    return weights


def drawn(graph: Graph, draw: Draw, rng: np.random.Generator, batch: int, time: int) -> dict[str, Array]:
    """Inputs of that batch and length, in each value's own type."""
    sizes = {"B": batch, "T": time}
    arrays = {}
    for entry in graph.inputs:
        shape = tuple(size if isinstance(size, int) else sizes[size] for size in entry.shape)
        arrays[entry.name] = draw(rng, shape).astype(object if entry.dtype == "string" else entry.dtype)
    return arrays


def assert_same(graph: Graph, draw: Draw, rng: np.random.Generator, tolerance: float) -> None:
    """Both editions agree at every size: exactly for integers, texts and missing values, else within the tolerance.

    The tolerance is relative to the largest value, or to one.
    """
    weights = weights_of(graph, rng)
    model = export_onnx(graph, weights, metadata={})
    check(model)
    check_model(model)  # the artifact's own reader lets it in
    session = load(model)
    for batch, time in SIZES:
        inputs = drawn(graph, draw, rng, batch, time)
        wanted = predict(graph, inputs, weights)
        got = run(session, inputs)
        assert list(got) == list(wanted)
        for name, expected in wanted.items():
            assert_close(got[name], expected, tolerance)


def assert_close(got: Array, expected: Array, tolerance: float) -> None:
    assert got.shape == expected.shape
    assert got.dtype == expected.dtype
    if expected.dtype.kind != "f":
        np.testing.assert_array_equal(got, expected)
        return
    scale = max(1.0, float(np.max(np.abs(np.nan_to_num(expected)), initial=0)))
    np.testing.assert_allclose(got, expected, rtol=0, atol=tolerance * scale, equal_nan=True)


def normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.normal(0, 3, shape)


def with_missing(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """About a third are NaN."""
    return np.where(rng.random(shape) < 0.35, np.nan, rng.normal(0, 3, shape))


def one_of(choices: Sequence[Any]) -> Draw:
    """Draws among the choices, all of which occur where there is room."""

    def draw(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        drawn = np.empty(int(np.prod(shape)), dtype=object)
        drawn[:] = [choices[k % len(choices)] for k in rng.permutation(drawn.size)]
        return drawn.reshape(shape)

    return draw
