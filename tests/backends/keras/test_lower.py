"""The lowered model is one a Keras user can read, save, load without us, and train."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.backends.keras.test_layers import DENSE, RECURRENT
from tests.backends.torch.networks import chain, one_op, random_weights, value

from ambidex.backends.keras._import import active_engine, keras
from ambidex.backends.keras.lower import lower, lower_for_training
from ambidex.backends.keras.native import network
from ambidex.graph import Builder, Graph, Value, initial_weights

pytestmark = [pytest.mark.tensorflow, pytest.mark.jax]

LOAD = """
import sys, numpy as np, keras
model = keras.models.load_model(sys.argv[1])
found = model.predict_on_batch({name: np.load(sys.argv[2])[name] for name in np.load(sys.argv[2])})
assert not any(name.startswith("ambidex") for name in sys.modules)
np.savez(sys.argv[3], **{name: np.asarray(value) for name, value in found.items()})
"""


def two_heads() -> Graph:
    """Numbers and a code to two raw outputs."""
    builder = Builder([value("numbers", 3), Value(name="my code", dtype="int64", shape=("B",))])
    code = builder.add("network", "embed", "embedding", "my code", count=5, width=2)
    x = builder.add("network", "joined", "concat", "numbers", code)
    x = builder.add("network", "blocks.0.dense", "dense", x, units=4)
    x = builder.add("network", "blocks.0.act", "relu", x)
    builder.add("network", "left", "dense", x, units=1)
    builder.add("network", "right", "dense", x, units=2)
    return builder.build(prepared=["numbers", "my code"], raw_outputs=["left", "right"], outputs={"y": "left"})


def everything() -> Graph:
    """One network through every op there is."""
    builder = Builder([value("x", 4, 6), value("y", 4, 6), Value(name="code", dtype="int64", shape=("B", 4))])
    last = builder.add("network", "joined", "concat", "x", "y", axis=-1)
    parts = [builder.add("network", "table", "embedding", "code", count=5, width=2)]
    parts += [builder.add("network", "hot", "one_hot", "code", count=5)]
    last = builder.add("network", "all", "concat", last, *parts)
    skip = {"embedding", "one_hot", "concat", "reshape", "transpose"}
    for op, inputs, attrs in (DENSE | RECURRENT).values():
        if op in skip or (op in {"lstm", "gru"} and not attrs["returns_sequence"]) or "stride" in attrs:
            continue
        name = f"n{len(builder.build(prepared=[], raw_outputs=[], outputs={}).network)}"
        if op == "attention":
            last = builder.add("network", f"{name}.a", "dense", last, units=6)
        if len(inputs) == 2:
            last = builder.add("network", name, op, last, builder.add("network", f"{name}.b", "sigmoid", last))
        else:
            last = builder.add("network", name, op, last, **attrs)
    last = builder.add("network", "turned", "transpose", last, axes=(0, 2, 1))
    builder.add("network", "row", "reshape", last, shape=_flat(builder, last))
    builder.add("network", "head", "dense", "row", units=2)
    builder.add("network", "tail", "lstm", last, units=3)
    return builder.build(prepared=["x", "y", "code"], raw_outputs=["head", "tail"], outputs={"y": "head"})


def _flat(builder: Builder, name: str) -> tuple[int]:
    _, *sizes = builder.value(name).shape
    return (int(np.prod([size for size in sizes if isinstance(size, int)])),)


def inputs(rng: np.random.Generator, batch: int = 3) -> dict[str, Any]:
    numbers = rng.normal(size=(batch, 3)).astype(np.float32)
    return {"numbers": numbers, "my_code": rng.integers(0, 5, batch)}


def test_layers_carry_the_names_of_their_nodes() -> None:
    graph = two_heads()
    model = network(graph, initial_weights(graph, 0))
    names = [layer.name for layer in model.layers]
    assert sorted(names) == sorted(
        ["numbers", "my_code", "embed", "joined", "blocks.0.dense", "blocks.0.act", "left", "right"]
    )
    lines: list[str] = []
    model.summary(print_fn=lines.append)
    assert "blocks.0.dense" in "\n".join(lines)


def test_several_inputs_and_outputs_go_by_name(rng: np.random.Generator) -> None:
    graph = two_heads()
    model = network(graph, initial_weights(graph, 0))
    given = inputs(rng)
    found = model(given)
    assert {name: tuple(tensor.shape) for name, tensor in found.items()} == {"left": (3, 1), "right": (3, 2)}
    again = model([given["numbers"], given["my_code"]])
    assert np.array_equal(np.asarray(again["right"]), np.asarray(found["right"]))


def test_one_input_and_output_are_tensors_with_batch_and_time_free() -> None:
    graph = chain([value("x", "T", 3)], ("lstm", "lstm", {"units": 4}), ("head", "dense", {"units": 2}))
    model = network(graph, initial_weights(graph, 0))
    assert model.input.shape == (None, None, 3)
    assert tuple(model(np.zeros((2, 5, 3), np.float32)).shape) == (2, 2)


def test_building_a_network_leaves_the_streams_of_chance_alone() -> None:
    random.seed(1)
    before = random.getstate()
    graph = chain([value("x", "T", 3)], ("rnn", "gru", {"units": 4}), ("drop", "dropout", {"rate": 0.5}))
    network(graph, initial_weights(graph, 0))
    assert random.getstate() == before


@pytest.mark.slow
def test_a_saved_model_loads_without_us_and_gives_equal_outputs(tmp_path: Path, rng: np.random.Generator) -> None:
    graph = everything()
    model = network(graph, random_weights(graph, rng))
    x, y = rng.normal(size=(2, 5, 4, 6)).astype(np.float32)
    given = {"x": x, "y": y, "code": rng.integers(0, 5, (5, 4))}
    model.save(tmp_path / "x.keras")
    np.savez(tmp_path / "in.npz", **given)
    names = [str(tmp_path / name) for name in ("x.keras", "in.npz", "out.npz")]
    done = subprocess.run([sys.executable, "-c", LOAD, *names], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with np.load(tmp_path / "out.npz") as found:
        for name, value_ in model.predict_on_batch(given).items():
            assert np.array_equal(found[name], np.asarray(value_))


def test_every_op_is_saved_and_loaded_above() -> None:
    used = {node.op for node in everything().network}
    assert used == {op for op, _, _ in (DENSE | RECURRENT).values()}


def test_a_native_model_holds_nothing_of_ours() -> None:
    graph = one_op("dropout", [value("x", 3)], rate=0.5)
    assert type(lower(graph, {}).get_layer("node")) is keras.layers.Dropout


def test_training_in_bfloat16_leaves_weights_in_float32_and_other_models_alone() -> None:
    graph = two_heads()
    model = lower_for_training(graph, initial_weights(graph, 0), "bfloat16")
    dense = model.get_layer("blocks.0.dense")
    assert (dense.compute_dtype, dense.variable_dtype) == ("bfloat16", "float32")
    assert keras.config.dtype_policy().name == "float32"
    assert lower(graph, initial_weights(graph, 0)).get_layer("left").compute_dtype == "float32"


def test_a_frozen_layer_is_not_trained() -> None:
    graph = chain([value("x", 2)], ("fixed", "dense", {"units": 2, "is_trainable": False}))
    assert lower(graph, initial_weights(graph, 0)).trainable_variables == []


def test_the_engine_is_the_one_asked_for() -> None:
    assert keras.config.backend() == active_engine()
