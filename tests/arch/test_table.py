"""Every architecture in the table, checked from its own description."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from ambidex.arch.architecture import Architecture
from ambidex.arch.table import AUTO, MODELS, find_model
from ambidex.errors import UsageError
from ambidex.graph import Builder, Graph, Value, initial_weights, network_values, parameters, run_network
from ambidex.graph.inputs import SeriesInputs, TableInputs
from ambidex.graph.op import Array

TABLES = [model for model in MODELS.values() if model.domain == "table"]
SERIES = [model for model in MODELS.values() if model.domain == "series"]


def table_network(model: Architecture, *, outputs: int = 3, **settings: object) -> Graph:
    """Four features and two categories to `outputs`."""
    features = Value(name="features", dtype="float32", shape=("B", 4))
    codes = Value(name="codes", dtype="int64", shape=("B", 2))
    builder = Builder([features, codes])
    inputs = TableInputs(features="features", codes="codes", sizes=(5, 3))
    raw = model.build(builder, inputs, outputs, msgspec.convert(settings, model.settings))  # type: ignore[call-arg,arg-type]
    return builder.build(prepared=inputs.prepared, raw_outputs=[raw], outputs={"y": raw})


def series_network(model: Architecture, *, columns: int = 3, levels: int = 1, **settings: object) -> Graph:
    """A window of six steps of `columns`, the first two of them targets, to four steps."""
    builder = Builder([Value(name="history", dtype="float32", shape=("B", "T", columns))])
    inputs = SeriesInputs(history="history", window=6, horizon=4, targets=2, outputs=2 * levels)
    raw = model.build(builder, inputs, msgspec.convert(settings, model.settings))  # type: ignore[call-arg,arg-type]
    return builder.build(prepared=["history"], raw_outputs=[raw], outputs={"y": raw})


def rows(rng: np.random.Generator) -> dict[str, Array]:
    return {"features": rng.normal(size=(5, 4)).astype(np.float32), "codes": rng.integers(0, 3, (5, 2))}


def history(rng: np.random.Generator, *, steps: int = 6, columns: int = 3) -> Array:
    return rng.normal(size=(5, steps, columns)).astype(np.float32)


def answer(graph: Graph, inputs: dict[str, Array], *, seed: int = 1) -> Array:
    return run_network(graph, inputs, initial_weights(graph, seed))[graph.raw_outputs[0]]


@pytest.mark.parametrize("model", TABLES, ids=lambda model: model.name)
def test_a_table_network_answers_every_row_on_its_own(model: Architecture, rng: np.random.Generator) -> None:
    graph = table_network(model)
    inputs = rows(rng)
    whole = answer(graph, inputs)
    assert whole.shape == (5, 3)
    assert network_values(graph)[graph.raw_outputs[0]].shape == ("B", 3)
    alone = answer(graph, {name: array[2:3] for name, array in inputs.items()})
    assert whole[2:3] == pytest.approx(alone, abs=1e-12)
    assert len(np.unique(whole.round(9))) == 15, "every answer is its own"


@pytest.mark.parametrize("model", TABLES, ids=lambda model: model.name)
@pytest.mark.parametrize(
    "inputs",
    [TableInputs(features="features", codes=None), TableInputs(features=None, codes="codes", sizes=(5, 3))],
    ids=["numbers", "categories"],
)
def test_a_table_may_lack_numbers_or_categories(
    model: Architecture, inputs: TableInputs, rng: np.random.Generator
) -> None:
    builder = Builder(
        [Value(name="features", dtype="float32", shape=("B", 4)), Value(name="codes", dtype="int64", shape=("B", 2))]
    )
    raw = model.build(builder, inputs, 2, model.settings())  # type: ignore[call-arg,arg-type]
    graph = builder.build(prepared=inputs.prepared, raw_outputs=[raw], outputs={"y": raw})
    values = rows(rng)
    assert answer(graph, {name: values[name] for name in graph.prepared}).shape == (5, 2)


@pytest.mark.parametrize("model", SERIES, ids=lambda model: model.name)
@pytest.mark.parametrize("columns", [2, 3])
def test_a_series_network_forecasts_every_step_of_every_target(
    model: Architecture, columns: int, rng: np.random.Generator
) -> None:
    graph = series_network(model, columns=columns)
    assert answer(graph, {"history": history(rng, columns=columns)}).shape == (5, 4, 2)
    assert network_values(graph)[graph.raw_outputs[0]].shape == ("B", 4, 2)


@pytest.mark.parametrize("model", [m for m in SERIES if m.has_free_time], ids=lambda model: model.name)
@pytest.mark.parametrize("steps", [2, 6, 17])
def test_a_history_of_another_length_is_answered_where_promised(
    model: Architecture, steps: int, rng: np.random.Generator
) -> None:
    assert answer(series_network(model), {"history": history(rng, steps=steps)}).shape == (5, 4, 2)


@pytest.mark.parametrize("model", [m for m in SERIES if not m.is_solved], ids=lambda model: model.name)
@pytest.mark.parametrize("levels", [1, 3])
def test_training_starts_from_the_last_value_where_asked(
    model: Architecture, levels: int, rng: np.random.Generator
) -> None:
    graph = series_network(model, levels=levels, residual="last")
    given = history(rng)
    expected = np.tile(given[:, -1:, :2].astype(np.float64), (1, 4, levels))
    assert np.array_equal(answer(graph, {"history": given}), expected)


@pytest.mark.parametrize("model", [m for m in SERIES if not m.is_solved], ids=lambda model: model.name)
@pytest.mark.parametrize("levels", [1, 3])
def test_training_starts_from_the_solved_map_where_asked(
    model: Architecture, levels: int, rng: np.random.Generator
) -> None:
    graph = series_network(model, levels=levels, residual="linear")
    weights = dict(initial_weights(graph, 1))
    weights["linear.kernel"] = rng.normal(size=(6, 4)).astype(np.float32)
    weights["linear.bias"] = rng.normal(size=4).astype(np.float32)
    given = history(rng, steps=9)
    found = run_network(graph, {"history": given}, weights)[graph.raw_outputs[0]]
    line = np.einsum("btc,th->bhc", given[:, -6:, :2], weights["linear.kernel"]) + weights["linear.bias"][None, :, None]
    assert found == pytest.approx(np.tile(line, (1, 1, levels)), abs=1e-5)


def test_the_solved_map_is_shared_by_the_targets_and_frozen() -> None:
    found = {part.name: part for part in parameters(series_network(MODELS["linear"]))}
    assert {name: part.shape for name, part in found.items()} == {"linear.kernel": (6, 4), "linear.bias": (4,)}
    assert not any(part.is_trainable for part in found.values())


@pytest.mark.parametrize("op", ["lstm", "gru"])
def test_layers_are_stacked_and_only_the_last_gives_one_state(op: str) -> None:
    graph = series_network(MODELS[op], layers=2, units=7, bidirectional=True, dropout=0.2)
    assert [node.op for node in graph.network] == [op, "dropout", op, "dropout", "dense", "reshape"]
    values = network_values(graph)
    assert values[f"{op}.0"].shape == ("B", "T", 14)
    assert values[f"{op}.1"].shape == ("B", 14)


@pytest.mark.parametrize("norm", ["none", "layer", "batch"])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_a_perceptron_is_built_as_its_settings_say(norm: str, dropout: float) -> None:
    graph = table_network(
        MODELS["mlp_plain"], hidden=(8, 6), norm=norm, dropout=dropout, activation="gelu", embedding=3
    )
    ops = [node.op for node in graph.network]
    assert ops.count("dense") == 3
    assert ops.count("gelu") == 2
    assert ops.count("dropout") == (2 if dropout else 0)
    assert ops.count(f"{norm}_norm") == (0 if norm == "none" else 2)
    values = network_values(graph)
    assert [values[f"embeddings.{column}"].shape[-1] for column in range(2)] == [3, 3]
    assert values["blocks.1.dense"].shape == ("B", 6)


@pytest.mark.parametrize("activation", ["relu", "gelu", "silu", "mish", "selu", "elu", "tanh", "leaky_relu"])
def test_every_activation_of_the_settings_exists(activation: str, rng: np.random.Generator) -> None:
    graph = table_network(MODELS["mlp_plain"], activation=activation)
    inputs = rows(rng)
    assert np.all(np.isfinite(answer(graph, inputs)))


@pytest.mark.parametrize(
    "settings",
    [{"hidden": [0]}, {"dropout": 1.0}, {"norm": "group"}, {"activation": "sine"}, {"width": 3}, {"embedding": -1}],
    ids=str,
)
def test_settings_that_cannot_be_meant_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(settings, MODELS["mlp"].settings)


@pytest.mark.parametrize("model", MODELS.values(), ids=lambda model: model.name)
def test_every_model_says_what_it_is_for(model: Architecture) -> None:
    assert MODELS[model.name] is model
    assert len(model.summary) > 20
    assert find_model(model.name, model.domain) is model
    assert msgspec.convert(msgspec.to_builtins(model.settings()), model.settings) == model.settings()


def test_auto_is_a_model_of_its_domain() -> None:
    for domain, name in AUTO.items():
        assert find_model("auto", domain) is MODELS[name]


def test_a_model_of_the_other_domain_is_refused() -> None:
    with pytest.raises(UsageError, match=r"^Expected one of auto, gru, linear, lstm, got model 'mlp' at --model\.$"):
        find_model("mlp", "series")
