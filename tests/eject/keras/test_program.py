"""Ejected Keras: the same predictions, the same losses, with nothing of ambidex in the process."""

from __future__ import annotations

import csv
from pathlib import Path

import msgspec
import numpy as np
import pytest
from tests.eject import standing_alone
from tests.eject.one_op import NETWORK_EXAMPLES, graph_of, inputs_of, program_of
from tests.eject.subjects import cases
from tests.graph.examples import Example
from tests.tolerances import FORWARD_RECURRENT

from ambidex.eject.keras.network import network_lines, state
from ambidex.graph import initial_weights, run_network

pytestmark = pytest.mark.tensorflow


@pytest.mark.parametrize("name", ["balanced", "regression", "lstm"])
def test_predicts_and_trains_as_the_run_did(name: str, tmp_path: Path) -> None:
    experiment, table = cases(tmp_path)[name]
    settings = experiment.settings | ({"dropout": 0.0} if experiment.model.startswith("mlp") else {})
    experiment = msgspec.structs.replace(experiment, settings=settings)
    artifact, data = standing_alone.trained(experiment, table, tmp_path, backend="tensorflow")
    program = standing_alone.load(standing_alone.ejected(artifact, "keras", tmp_path))
    standing_alone.check_predictions(artifact, table, program, data)
    _, history = program.fit(*program.load_samples(data))
    standing_alone.check_losses(artifact, history["steps"])


@pytest.mark.parametrize("name", ["multiclass", "lstm"])
def test_the_page_predicts_the_same_and_its_outline_trains(name: str, tmp_path: Path) -> None:
    experiment, table = cases(tmp_path)[name]
    short = msgspec.structs.replace(experiment, plan=msgspec.structs.replace(experiment.plan, epochs=1))
    artifact, data = standing_alone.trained(short, table, tmp_path, backend="tensorflow")
    page = standing_alone.load(standing_alone.ejected(artifact, "keras", tmp_path, minimal=True))
    model, arrays = page.build_model(), np.load(page.HERE / "weights.npz")
    for layer in model.layers:
        for place, weight in enumerate(layer.weights):
            weight.assign(arrays[f"{layer.name}/{place}"].reshape(weight.shape))
    standing_alone.check_page(artifact, table, page, model, data)
    page.train(page.build_model(), page.read(str(data)))


def test_stands_alone(tmp_path: Path) -> None:
    experiment, table = cases(tmp_path)["multiclass"]
    artifact, data = standing_alone.trained(experiment, table, tmp_path, backend="tensorflow")
    folder = standing_alone.ejected(artifact, "keras", tmp_path)
    standing_alone.run_alone(folder, "predict", data, "-o", tmp_path / "answers.csv")
    with (tmp_path / "answers.csv").open(newline="") as file:
        answers = [row["weather"] for row in csv.DictReader(file)]
    assert answers == standing_alone.wanted_columns(artifact, table)["weather"].tolist()


@pytest.mark.parametrize("example", NETWORK_EXAMPLES, ids=lambda example: example.op)
def test_the_source_of_every_op_computes_what_the_reference_does(example: Example) -> None:
    graph = graph_of(example)
    weights = initial_weights(graph, 3)
    model = program_of(network_lines(graph, doc="One op."), "keras")["build_model"]()
    stored = state(graph, weights)
    for layer in model.layers:
        for place, weight in enumerate(layer.weights):
            weight.assign(stored[f"{layer.name}/{place}"].reshape(weight.shape))
    inputs = inputs_of(graph)
    given = [inputs[name] for name in graph.prepared]
    found = np.asarray(model(given if len(given) > 1 else given[0], training=False))
    np.testing.assert_allclose(found, run_network(graph, inputs, weights)["it"], atol=FORWARD_RECURRENT)
