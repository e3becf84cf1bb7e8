"""Every network op of this engine against its NumPy edition in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.backends.torch.networks import one_op, random_weights, value
from tests.tolerances import FORWARD_DENSE, FORWARD_RECURRENT

from ambidex.backends.keras.edition import raw_outputs
from ambidex.backends.keras.layers import LAYERS
from ambidex.graph import OPS, Graph, Value, run_network
from ambidex.graph.op import Array

pytestmark = [pytest.mark.tensorflow, pytest.mark.jax]

BATCHES = (1, 2, 3, 17)
ROWS, STEPS = value("x", 6), value("x", "T", 6)
CODES = value("x", dtype="int64")

DENSE: dict[str, tuple[str, list[Value], dict[str, Any]]] = {
    "dense of rows": ("dense", [ROWS], {"units": 5}),
    "dense of steps": ("dense", [STEPS], {"units": 5}),
    "dense without bias": ("dense", [ROWS], {"units": 5, "has_bias": False}),
    "embedding": ("embedding", [CODES], {"count": 7, "width": 4}),
    "embedding of steps": ("embedding", [value("x", "T", dtype="int64")], {"count": 7, "width": 4}),
    "one_hot": ("one_hot", [CODES], {"count": 5}),
    "dropout": ("dropout", [ROWS], {"rate": 0.5}),
    "layer_norm of rows": ("layer_norm", [ROWS], {"epsilon": 1e-3}),
    "layer_norm of steps": ("layer_norm", [STEPS], {}),
    "batch_norm of rows": ("batch_norm", [ROWS], {"epsilon": 1e-3}),
    "batch_norm of steps": ("batch_norm", [STEPS], {}),
    **{name: (name, [STEPS], {}) for name in ("relu", "gelu", "silu", "mish", "selu", "elu", "tanh", "sigmoid")},
    "softplus": ("softplus", [ROWS], {}),
    "leaky_relu": ("leaky_relu", [ROWS], {"slope": 0.3}),
    "prelu of rows": ("prelu", [ROWS], {}),
    "prelu of steps": ("prelu", [STEPS], {}),
    "prelu of steps, shared": ("prelu", [STEPS], {"is_shared": True}),
    "conv1d": ("conv1d", [STEPS], {"units": 5, "size": 3}),
    "conv1d, causal and dilated": ("conv1d", [STEPS], {"units": 5, "size": 3, "dilation": 2, "padding": (4, 0)}),
    "conv1d, one tap": ("conv1d", [STEPS], {"units": 5, "size": 1, "has_bias": False}),
    "conv1d with a stride": ("conv1d", [value("x", 8, 6)], {"units": 5, "size": 3, "stride": 2, "padding": (0, 1)}),
    "conv1d, padded unequally": ("conv1d", [STEPS], {"units": 5, "size": 4, "padding": (2, 1)}),
    "attention": ("attention", [STEPS], {"heads": 2}),
    "attention, causal": ("attention", [STEPS], {"heads": 3, "is_causal": True}),
    "attention without bias": ("attention", [STEPS], {"heads": 1, "has_bias": False}),
    **{name: (name, [ROWS, value("y", 6)], {}) for name in ("add", "sub", "mul", "div")},
    "add, broadcasting": ("add", [value("x", 4, 6), value("y", 1, 6)], {}),
    "softmax of rows": ("softmax", [ROWS], {}),
    "softmax of steps": ("softmax", [STEPS], {}),
    "concat": ("concat", [ROWS, value("y", 2), value("z", 1)], {"axis": -1}),
    "concat of steps": ("concat", [value("x", 3, 6), value("y", 2, 6)], {"axis": -2}),
    "reshape": ("reshape", [ROWS], {"shape": (3, 2)}),
    "reshape to scalars": ("reshape", [value("x", 1)], {"shape": ()}),
    "transpose": ("transpose", [value("x", 4, 6)], {"axes": (0, 2, 1)}),
    "slice of columns": ("slice", [STEPS], {"axis": -1, "start": 1, "stop": -1}),
    "slice of the last steps": ("slice", [STEPS], {"axis": 1, "start": -2}),
}
RECURRENT: dict[str, tuple[str, list[Value], dict[str, Any]]] = {
    f"{op}{' both ways' * ways}{', sequence' * sequence}": (
        op,
        [STEPS],
        {"units": 5, "is_bidirectional": ways, "returns_sequence": sequence},
    )
    for op in ("lstm", "gru")
    for ways in (False, True)
    for sequence in (False, True)
}


def draw(graph: Graph, batch: int, length: int, rng: np.random.Generator) -> dict[str, Array]:
    """Values for the inputs of a graph: codes below 5, numbers of order one and away from zero."""
    sizes = {"B": batch, "T": length}
    found: dict[str, Array] = {}
    for item in graph.inputs:
        shape = tuple(size if isinstance(size, int) else sizes[size] for size in item.shape)
        numbers = rng.normal(size=shape)
        numbers += np.copysign(0.3, numbers)  # a quotient stays of order one
        found[item.name] = rng.integers(0, 5, shape) if item.dtype == "int64" else numbers.astype(np.float32)
    return found


def largest_error(graph: Graph, batch: int, length: int, rng: np.random.Generator) -> float:
    """The largest difference, relative where values exceed one."""
    weights, prepared = random_weights(graph, rng), draw(graph, batch, length, rng)
    found = raw_outputs(graph, weights, prepared)
    exact = run_network(graph, prepared, weights)
    assert found.keys() == exact.keys()
    assert all(array.dtype == np.float32 and array.shape == exact[name].shape for name, array in found.items())
    return max(float(np.max(np.abs(found[name] - exact[name]) / np.maximum(1, np.abs(exact[name])))) for name in exact)


def test_the_table_has_every_network_op_and_no_other() -> None:
    assert set(LAYERS) == {name for name, op in OPS.items() if op.is_network}


def test_every_op_is_tried_below() -> None:
    assert {op for op, _, _ in (DENSE | RECURRENT).values()} == set(LAYERS)


@pytest.mark.parametrize("case", DENSE)
def test_an_op_agrees_with_its_numpy_edition(case: str, rng: np.random.Generator) -> None:
    op, inputs, attrs = DENSE[case]
    for batch in BATCHES:
        assert largest_error(one_op(op, inputs, **attrs), batch, 4, rng) <= FORWARD_DENSE


@pytest.mark.parametrize("case", RECURRENT)
def test_a_recurrent_op_agrees_with_its_numpy_edition(case: str, rng: np.random.Generator) -> None:
    op, inputs, attrs = RECURRENT[case]
    for batch, length in ((1, 1), (1, 12), (2, 12), (3, 1), (17, 12)):
        assert largest_error(one_op(op, inputs, **attrs), batch, length, rng) <= FORWARD_RECURRENT


def test_a_code_outside_a_one_hot_table_gives_zeros() -> None:
    graph = one_op("one_hot", [CODES], count=2)
    assert raw_outputs(graph, {}, {"x": np.array([1, 4])})["node"].tolist() == [[0, 1], [0, 0]]
