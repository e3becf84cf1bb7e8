"""Ejected PyTorch: the same predictions, the same losses, with nothing of ambidex in the process."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from tests.eject import standing_alone
from tests.eject.one_op import NETWORK_EXAMPLES, graph_of, inputs_of, program_of
from tests.eject.subjects import cases
from tests.graph.examples import Example
from tests.tolerances import FORWARD_RECURRENT

from ambidex.eject.torch.layers import LAYERS
from ambidex.eject.torch.network import network_lines, state
from ambidex.graph import initial_weights, run_network

pytestmark = pytest.mark.torch


@pytest.mark.parametrize("name", ["binary", "balanced", "regression", "lstm", "gru", "series"])
def test_predicts_and_trains_as_the_run_did(name: str, tmp_path: Path) -> None:
    experiment, table = cases(tmp_path)[name]
    artifact, data = standing_alone.trained(experiment, table, tmp_path, backend="torch")
    program = standing_alone.load(standing_alone.ejected(artifact, "torch", tmp_path))
    standing_alone.check_predictions(artifact, table, program, data)
    _, history = program.fit(*program.load_samples(data))
    standing_alone.check_losses(artifact, history["steps"])
    wanted = [record.validation_loss for record in artifact.training.history.epochs]
    np.testing.assert_allclose(history["epochs"], wanted, rtol=1e-3)


def test_a_run_stopped_after_an_epoch_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    experiment, table = cases(tmp_path)["binary"]
    artifact, data = standing_alone.trained(experiment, table, tmp_path, backend="torch")
    program = standing_alone.load(standing_alone.ejected(artifact, "torch", tmp_path))
    samples = program.load_samples(data)
    save = program.torch.save
    try:
        program.torch.save = _stop_after(save)
        with pytest.raises(KeyboardInterrupt):
            program.fit(*samples, resume=tmp_path / "run.pt")
    finally:
        program.torch.save = save
    _, history = program.fit(*samples, resume=tmp_path / "run.pt")
    standing_alone.check_losses(artifact, history["steps"])


def _stop_after(save: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    def stopping(state: Any, path: Any) -> None:
        save(state, path)
        raise KeyboardInterrupt

    return stopping


def test_a_solved_model_is_solved_again(tmp_path: Path) -> None:
    experiment, table = cases(tmp_path)["linear"]
    artifact, data = standing_alone.trained(experiment, table, tmp_path, backend="auto")
    program = standing_alone.load(standing_alone.ejected(artifact, "torch", tmp_path))
    standing_alone.check_predictions(artifact, table, program, data)
    kernel, bias = program.solve(*program.load_samples(data))
    np.testing.assert_allclose(kernel, artifact.weights["linear.kernel"], atol=1e-6)
    np.testing.assert_allclose(bias, artifact.weights["linear.bias"], atol=1e-6)


@pytest.mark.parametrize("name", ["binary", "lstm", "gru", "series"])
def test_the_page_predicts_the_same_and_its_outline_trains(name: str, tmp_path: Path) -> None:
    experiment, table = cases(tmp_path)[name]
    if name == "series":
        table = table.take(np.array([row for row in range(table.num_rows) if row % 240 not in (40, 50, 60)]))
    short = msgspec.structs.replace(experiment, plan=msgspec.structs.replace(experiment.plan, epochs=1))
    artifact, data = standing_alone.trained(short, table, tmp_path, backend="torch")
    page = standing_alone.load(standing_alone.ejected(artifact, "torch", tmp_path, minimal=True))
    model = page.Network()
    model.load_state_dict(page.load_file(page.HERE / "weights.safetensors"))
    if name != "series":  # the page reads tidy files only
        standing_alone.check_page(artifact, table, page, model.eval(), data)
    page.train(page.Network(), page.read(str(data)))


def test_stands_alone(tmp_path: Path) -> None:
    experiment, table = cases(tmp_path)["binary"]
    artifact, data = standing_alone.trained(experiment, table, tmp_path, backend="torch")
    folder = standing_alone.ejected(artifact, "torch", tmp_path)
    standing_alone.run_alone(folder, "predict", data, "-o", tmp_path / "answers.csv")
    with (tmp_path / "answers.csv").open(newline="") as file:
        answers = [row["income"] for row in csv.DictReader(file)]
    assert answers == standing_alone.wanted_columns(artifact, table)["income"].tolist()


@pytest.mark.parametrize("example", NETWORK_EXAMPLES, ids=lambda example: example.op)
def test_the_source_of_every_op_computes_what_the_reference_does(example: Example) -> None:
    import torch

    graph = graph_of(example)
    weights = initial_weights(graph, 3)
    namespace = program_of(network_lines(graph, doc="One op."))
    module = namespace["Network"]().eval()
    stored = {name: torch.from_numpy(np.array(array)) for name, array in state(graph, weights).items()}
    module.load_state_dict(stored)
    inputs = inputs_of(graph)
    with torch.inference_mode():
        found = module(*(torch.from_numpy(inputs[name]) for name in graph.prepared)).numpy()
    wanted = run_network(graph, inputs, weights)["it"]
    assert example.op in LAYERS
    np.testing.assert_allclose(found, wanted, atol=FORWARD_RECURRENT)
