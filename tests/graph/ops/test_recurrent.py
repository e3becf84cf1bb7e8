"""Recurrent layers against their equations, one number at a time."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tests.graph.ops.running import run

from ambidex.graph import OPS, Value
from ambidex.graph.op import Array
from ambidex.graph.ops.recurrent import Recurrent

UNITS, WIDTH, STEPS = 2, 3, 4
GATES = {"lstm": 4, "gru": 3}


def logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def weights(op: str, rng: np.random.Generator, *, is_bidirectional: bool = False) -> dict[str, Array]:
    inputs = [Value(name="x", dtype="float32", shape=("B", "T", WIDTH))]
    parts = OPS[op].weights(inputs, Recurrent(units=UNITS, is_bidirectional=is_bidirectional))
    return {part.name: rng.normal(size=part.shape) for part in parts}


def lstm_by_hand(x: Array, own: dict[str, Array]) -> list[list[float]]:
    """The states of one sample: i, f, g, o; c = f c + i g; h = o tanh c."""
    h, c, states = [0.0] * UNITS, [0.0] * UNITS, []
    for step in x:
        gates = step @ own["forward.kernel"] + np.array(h) @ own["forward.recurrent_kernel"] + own["forward.bias"]
        i, f, g, o = (gates[k * UNITS : (k + 1) * UNITS].tolist() for k in range(4))
        c = [logistic(f[u]) * c[u] + logistic(i[u]) * math.tanh(g[u]) for u in range(UNITS)]
        h = [logistic(o[u]) * math.tanh(c[u]) for u in range(UNITS)]
        states.append(h)
    return states


def gru_by_hand(x: Array, own: dict[str, Array]) -> list[list[float]]:
    """The states of one sample: z, r; n = tanh(x n + r (h n + b)); h = (1 - z) n + z h."""
    h, states = [0.0] * UNITS, []
    for step in x:
        left = step @ own["forward.kernel"] + own["forward.bias"]
        right = np.array(h) @ own["forward.recurrent_kernel"] + own["forward.recurrent_bias"]
        z = [logistic(left[u] + right[u]) for u in range(UNITS)]
        r = [logistic(left[UNITS + u] + right[UNITS + u]) for u in range(UNITS)]
        n = [math.tanh(left[2 * UNITS + u] + r[u] * right[2 * UNITS + u]) for u in range(UNITS)]
        h = [(1 - z[u]) * n[u] + z[u] * h[u] for u in range(UNITS)]
        states.append(h)
    return states


BY_HAND = {"lstm": lstm_by_hand, "gru": gru_by_hand}


@pytest.mark.parametrize("op", GATES)
def test_a_layer_follows_its_equations(op: str, rng: np.random.Generator) -> None:
    x, own = rng.normal(size=(3, STEPS, WIDTH)), weights(op, rng)
    expected = [BY_HAND[op](sample, own) for sample in x]
    found = run(op, x, weights=own, units=UNITS, returns_sequence=True)
    assert found == pytest.approx(np.array(expected), abs=1e-14)
    assert np.array_equal(run(op, x, weights=own, units=UNITS), found[:, -1])


@pytest.mark.parametrize("op", GATES)
def test_both_directions_stand_side_by_side(op: str, rng: np.random.Generator) -> None:
    x, own = rng.normal(size=(3, STEPS, WIDTH)), weights(op, rng, is_bidirectional=True)
    back = {name.replace("backward", "forward"): part for name, part in own.items() if name.startswith("backward")}
    forward = run(op, x, weights=own, units=UNITS, returns_sequence=True)
    backward = run(op, x[:, ::-1], weights=back, units=UNITS, returns_sequence=True)[:, ::-1]
    both = run(op, x, weights=own, units=UNITS, returns_sequence=True, is_bidirectional=True)
    assert np.array_equal(both, np.concatenate([forward, backward], axis=-1))
    last = run(op, x, weights=own, units=UNITS, is_bidirectional=True)
    assert np.array_equal(last, np.concatenate([forward[:, -1], backward[:, 0]], axis=-1))


@pytest.mark.parametrize(("op", "gates"), GATES.items())
def test_gates_lie_side_by_side_in_every_weight(op: str, gates: int, rng: np.random.Generator) -> None:
    own = weights(op, rng)
    assert own["forward.kernel"].shape == (WIDTH, gates * UNITS)
    assert own["forward.recurrent_kernel"].shape == (UNITS, gates * UNITS)
    assert own["forward.bias"].shape == (gates * UNITS,)
    assert ("forward.recurrent_bias" in own) == (op == "gru")
