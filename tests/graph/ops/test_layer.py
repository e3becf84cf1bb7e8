"""Layers in inference mode against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from tests.graph.ops.running import run

from ambidex.graph import OPS, Value
from ambidex.graph.ops.layer import BatchNorm, Dense


def test_dense_multiplies_the_last_axis_and_adds_a_bias(rng: np.random.Generator) -> None:
    x, kernel, bias = rng.normal(size=(2, 5, 3)), rng.normal(size=(3, 4)), rng.normal(size=4)
    expected = np.einsum("bti,io->bto", x, kernel)
    assert run("dense", x, weights={"kernel": kernel}, units=4, has_bias=False) == pytest.approx(expected)
    found = run("dense", x, weights={"kernel": kernel, "bias": bias}, units=4)
    assert found == pytest.approx(expected + bias)


def test_an_embedding_gives_a_row_per_code() -> None:
    table = np.arange(6.0).reshape(3, 2)
    found = run("embedding", np.array([[2, 0]]), weights={"table": table}, count=3, width=2)
    assert found.tolist() == [[[4.0, 5.0], [0.0, 1.0]]]


def test_one_hot_marks_the_code() -> None:
    assert run("one_hot", np.array([[1], [2]]), count=3).tolist() == [[[0, 1, 0]], [[0, 0, 1]]]


def test_dropout_does_nothing_at_inference() -> None:
    assert run("dropout", [[1.0, 2.0]], rate=0.9).tolist() == [[1.0, 2.0]]


def test_layer_norm_gives_each_row_mean_zero_and_variance_one(rng: np.random.Generator) -> None:
    x = rng.normal(3, 5, size=(4, 6))
    scale, offset = rng.normal(size=6), rng.normal(size=6)
    plain = run("layer_norm", x, weights={"scale": np.ones(6), "offset": np.zeros(6)}, epsilon=1e-12)
    assert plain.mean(axis=-1) == pytest.approx(np.zeros(4), abs=1e-12)
    assert plain.var(axis=-1) == pytest.approx(np.ones(4), abs=1e-9)
    found = run("layer_norm", x, weights={"scale": scale, "offset": offset}, epsilon=1e-12)
    assert found == pytest.approx(plain * scale + offset)


def test_epsilon_is_added_to_the_variance() -> None:
    ones = {"scale": np.ones(2), "offset": np.zeros(2)}
    assert run("layer_norm", [[-1.0, 1.0]], weights=ones, epsilon=3.0).tolist() == [[-0.5, 0.5]]
    state = {**ones, "mean": np.array([1.0, 1.0]), "variance": np.array([1.0, 6.0])}
    assert run("batch_norm", [[3.0, 4.0]], weights=state, epsilon=3.0).tolist() == [[1.0, 1.0]]


def test_batch_norm_uses_running_statistics_alone(rng: np.random.Generator) -> None:
    weights = {name: rng.uniform(1, 2, 3) for name in ("scale", "offset", "mean", "variance")}
    x = rng.normal(size=(5, 3))
    whole = run("batch_norm", x, weights=weights)
    rows = [run("batch_norm", x[i : i + 1], weights=weights)[0] for i in range(5)]
    assert np.array_equal(whole, np.stack(rows))


def test_a_frozen_layer_is_not_trained() -> None:
    inputs = [Value(name="x", dtype="float32", shape=("B", 3))]
    parts = OPS["dense"].weights(inputs, Dense(units=2, is_trainable=False))
    assert [part.is_trainable for part in parts] == [False, False]


def test_running_statistics_are_state() -> None:
    inputs = [Value(name="x", dtype="float32", shape=("B", 3))]
    parts = OPS["batch_norm"].weights(inputs, BatchNorm())
    assert {part.name for part in parts if part.is_state} == {"mean", "variance"}


def test_prelu_scales_negative_values_by_their_channels_slope() -> None:
    x = np.array([[-2.0, -2.0, 3.0]])
    assert run("prelu", x, weights={"slope": np.array([0.5, 0.0, 9.0])}).tolist() == [[-1.0, 0.0, 3.0]]
    assert run("prelu", x, weights={"slope": np.array([0.5])}, is_shared=True).tolist() == [[-1.0, -1.0, 3.0]]
