"""Runs a graph in plain TensorFlow beside its NumPy edition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from tests.export.onnx.edition import Array, Draw, assert_close, drawn, weights_of

from ambidex.backends.keras._import import plain_tf as tf
from ambidex.backends.keras.plain.program import Program, spec
from ambidex.graph import Graph, predict

pytestmark = pytest.mark.tensorflow
SIZES = [(1, 5), (3, 8)]


def traced(graph: Graph, weights: Mapping[str, Array]) -> Any:
    """The function from raw inputs to answers, traced once with free batch and time."""
    program = Program(graph, weights)
    specs = {value.name: spec(value) for value in graph.inputs}
    return tf.function(program.answers, input_signature=[specs], autograph=False)


def run(function: Any, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """All outputs by name; texts are `str` again."""
    return {name: _texts(tensor.numpy()) for name, tensor in function(dict(_tensors(inputs))).items()}


def _tensors(inputs: Mapping[str, Array]) -> dict[str, Any]:
    return {name: tf.constant(array, tf.string if array.dtype == object else None) for name, array in inputs.items()}


def _texts(array: Array) -> Array:
    if array.dtype != object:
        return array
    return np.array([text.decode() for text in array.ravel()], dtype=object).reshape(array.shape)


def assert_same(graph: Graph, draw: Draw, rng: np.random.Generator, tolerance: float) -> None:
    """Both editions agree at every size: exactly for integers, texts and missing values, else within the tolerance."""
    weights = weights_of(graph, rng)
    function = traced(graph, weights)
    for batch, time in SIZES:
        inputs = drawn(graph, draw, rng, batch, time)
        got, wanted = run(function, inputs), predict(graph, inputs, weights)
        assert list(got) == list(wanted)
        for name, expected in wanted.items():
            assert_close(got[name], expected, tolerance)
