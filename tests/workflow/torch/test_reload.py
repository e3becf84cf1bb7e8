"""Weights changed by hand in the native network become a new, certified model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import ambidex
from ambidex.errors import OutputFileError, UsageError

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Any:
    rng = np.random.default_rng(0)
    frame = {"a": rng.normal(size=300), "b": rng.normal(size=300)}
    frame["y"] = frame["a"] * 2 - frame["b"]
    model = ambidex.TabularRegressor(backend="torch", epochs=2, certify="backend", threads=1).fit(frame, "y")
    path = tmp_path_factory.mktemp("models") / "m.ambidex"
    model.save(path)
    return ambidex.load(path)


def last_linear(module: Any) -> Any:
    return [layer for layer in module.modules() if isinstance(layer, nn.Linear)][-1]


def test_the_new_model_answers_as_the_changed_network_does(artifact: Any, tmp_path: Path) -> None:
    module = artifact.to_torch()
    with torch.no_grad():
        last_linear(module).weight.mul_(0.5)
    changed = artifact.load_from(module)
    changed.save(tmp_path / "new.ambidex")
    again = ambidex.load(tmp_path / "new.ambidex")
    rows = {"a": [0.1, -1.0], "b": [2.0, 0.3]}
    prepared = [torch.from_numpy(array) for array in again.prepare(rows).values()]
    raw = {again.graph.raw_outputs[0]: module(*prepared).detach().numpy()}
    numpy_edition = again.to_numpy()
    assert not np.allclose(again.predict(rows), artifact.predict(rows))
    decoded = numpy_edition.decode(raw, again.prepare(rows))
    assert np.asarray(decoded["y"]).ravel() == pytest.approx(again.predict(rows), rel=1e-5)
    assert again.certificate.holds
    assert again.verify().holds


def test_it_claims_nothing_that_was_measured_before(artifact: Any) -> None:
    changed = artifact.load_from(artifact.to_torch())
    assert artifact.training.metrics
    assert changed.training.metrics == {}
    assert "loaded by hand from a PyTorch network" in changed.training.notes[-1]
    assert "loaded by hand" in changed.card
    assert all(np.array_equal(array, changed.weights[name]) for name, array in artifact.weights.items())


def test_another_network_is_refused(artifact: Any) -> None:
    with pytest.raises(
        UsageError, match=r"^Expected the layers of this model, got .* Change the weights of what to_torch"
    ):
        artifact.load_from(nn.Linear(2, 1))
    with pytest.raises(UsageError, match=r"^Expected a torch.nn.Module or a keras.Model, got an object of type str\.$"):
        artifact.load_from("m.pt")


def test_other_shapes_are_refused(artifact: Any) -> None:
    module = artifact.to_torch()
    layer = last_linear(module)
    layer.weight = nn.Parameter(torch.zeros(3, layer.in_features))
    with pytest.raises(UsageError, match=r"^Expected shape \(\d+, 1\), got \(\d+, 3\) at weight"):
        artifact.load_from(module)


def test_weights_that_are_no_numbers_are_refused(artifact: Any) -> None:
    module = artifact.to_torch()
    with torch.no_grad():
        last_linear(module).bias.fill_(float("nan"))
    with pytest.raises(UsageError, match=r"^Expected finite weights, got others at weight '.*\.bias'\.$"):
        artifact.load_from(module)


def test_a_function_that_changed_is_refused(artifact: Any) -> None:
    module = artifact.to_torch()
    last_linear(module).register_forward_hook(lambda layer, given, output: output + 1)
    with pytest.raises(
        UsageError, match=r"^Expected a network that computes what this model does with its weights, got"
    ):
        artifact.load_from(module)


def test_a_file_that_cannot_be_written_says_so(artifact: Any, tmp_path: Path) -> None:
    with pytest.raises(OutputFileError):
        artifact.save(tmp_path / "absent" / "m.ambidex")
