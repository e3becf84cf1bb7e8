"""Initial weights: a function of seed and name, with the variance their papers ask for."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ambidex.graph import Builder, Graph, Value, initial_weights
from ambidex.graph.graph import Parameter
from ambidex.graph.initial import INITS, Floats, draw


def network(*, depth: int) -> Graph:
    b = Builder([Value(name="x", dtype="float32", shape=("B", 6))])
    x = "x"
    for level in range(depth):
        x = b.add("network", f"blocks.{level}", "dense", x, units=6)
    return b.build(prepared=["x"], raw_outputs=[x], outputs={"y": x})


def drawn(init: str, *shape: int, seed: int = 1, name: str = "n.kernel") -> Floats:
    return draw(Parameter(name=name, shape=shape, init=init), seed)


def test_weights_depend_on_the_seed() -> None:
    first, again, other = (initial_weights(network(depth=1), seed) for seed in (1, 1, 2))
    assert np.array_equal(first["blocks.0.kernel"], again["blocks.0.kernel"])
    assert not np.array_equal(first["blocks.0.kernel"], other["blocks.0.kernel"])


def test_a_layer_more_moves_no_other_weight() -> None:
    small, large = initial_weights(network(depth=2), 1), initial_weights(network(depth=3), 1)
    assert all(np.array_equal(large[name], weight) for name, weight in small.items())


def test_weights_of_other_names_are_drawn_apart() -> None:
    found = initial_weights(network(depth=3), 1)
    kernels = [found[f"blocks.{level}.kernel"] for level in range(3)]
    assert not np.array_equal(kernels[0], kernels[1])
    assert not np.array_equal(kernels[1], kernels[2])


def test_the_process_stream_has_no_part_in_it() -> None:
    np.random.seed(1)  # noqa: NPY002 - the stream that must not matter
    first = drawn("embedding", 3, 3)
    np.random.seed(2)  # noqa: NPY002
    assert np.array_equal(drawn("embedding", 3, 3), first)


@pytest.mark.parametrize("init", INITS)
def test_every_draw_is_float32_of_the_asked_shape(init: str) -> None:
    shape = (8,) if init == "lstm_bias" else (4, 8)
    found = drawn(init, *shape)
    assert found.dtype == np.float32
    assert found.shape == shape
    assert np.all(np.isfinite(found))


@pytest.mark.parametrize(
    ("init", "variance"),
    [("glorot_uniform", 2 / (300 + 200)), ("he_uniform", 2 / 300), ("lecun_normal", 1 / 300), ("embedding", 0.01)],
)
def test_a_draw_has_the_variance_of_its_paper(init: str, variance: float) -> None:
    found = drawn(init, 300, 200)
    assert abs(float(found.mean())) < 5 * math.sqrt(variance / found.size)
    assert float(found.var()) == pytest.approx(variance, rel=0.02)


def test_every_gate_of_a_recurrent_kernel_is_orthogonal() -> None:
    found = drawn("orthogonal", 5, 20).astype(np.float64)
    gates = [found[:, 5 * gate : 5 * gate + 5] for gate in range(4)]
    for gate in gates:
        assert gate.T @ gate == pytest.approx(np.eye(5), abs=1e-6)
    assert not np.allclose(gates[0], gates[1])


def test_an_lstm_begins_by_remembering() -> None:
    assert drawn("lstm_bias", 8).tolist() == [0, 0, 1, 1, 0, 0, 0, 0]


def test_the_draws_stay_what_they_were() -> None:
    assert drawn("glorot_uniform", 2, 2) == pytest.approx(
        np.array([[0.2926438, 1.2230946], [-0.8109871, -1.0441216]]), abs=1e-6
    )
