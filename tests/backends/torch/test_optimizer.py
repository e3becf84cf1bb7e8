"""PyTorch's optimizers as we set them move weights by the equation in `training.plan.Optimizer`."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.backends.torch.equation import Equation
from tests.backends.torch.networks import chain, random_weights, value

from ambidex.backends.torch.lower import lower
from ambidex.backends.torch.optimizer import make_optimizer
from ambidex.backends.torch.weights import places, slots_to_canonical, to_canonical
from ambidex.graph import Graph
from ambidex.training.plan import Optimizer

pytestmark = pytest.mark.torch

# Twenty updates of float32 arithmetic against float64, weights of order one.
AFTER_20_STEPS = 2e-6

SPECS = {
    "adamw": Optimizer(name="adamw", weight_decay=0.1, epsilon=1e-3),
    "adam": Optimizer(name="adam", weight_decay=0.1),
    "adam of other betas": Optimizer(name="adam", beta1=0.0, beta2=0.5),
    "sgd": Optimizer(name="sgd", weight_decay=0.1),
    "sgd without momentum": Optimizer(name="sgd", momentum=0.0, weight_decay=0.5),
}


def network() -> Graph:
    """Weights of one and of two dimensions, running statistics, and a layer that is not trained."""
    frozen = ("fixed", "dense", {"units": 4, "is_trainable": False})
    return chain(
        [value("x", "T", 3)],
        frozen,
        ("look", "attention", {"heads": 2}),
        ("slope", "prelu", {}),
        ("rnn", "lstm", {"units": 2}),
        ("norm", "batch_norm", {}),
        ("head", "dense", {"units": 2}),
    )


@pytest.mark.parametrize("case", SPECS)
def test_twenty_updates_follow_the_equation(case: str, rng: np.random.Generator) -> None:
    graph, spec = network(), SPECS[case]
    start = random_weights(graph, rng)
    model = lower(graph, start)
    optimizer = make_optimizer(model, spec)
    trained = [place for place in places(model, graph) if place.tensor.requires_grad]
    names = [name for place in trained for name in place.names]
    exact = Equation(spec, {name: start[name].astype(np.float64) for name in names})
    for learning_rate in np.linspace(0.1, 0.001, 20):
        gradients = {name: rng.normal(size=start[name].shape).astype(np.float32) for name in names}
        for place in trained:
            place.tensor.grad = place.join(gradients)
        for group in optimizer.param_groups:
            group["lr"] = float(learning_rate)
        optimizer.step()
        exact.update({name: array.astype(np.float64) for name, array in gradients.items()}, learning_rate)
    found = to_canonical(model, graph)
    assert max(float(np.abs(found[name] - weight).max()) for name, weight in exact.weights.items()) <= AFTER_20_STEPS
    assert all(np.array_equal(found[name], start[name]) for name in found.keys() - exact.weights.keys())
    slots = slots_to_canonical(model, graph, optimizer)
    assert slots.pop("step") == 20
    assert slots.keys() == exact.slots.keys()
    for name, slot in slots.items() if spec.momentum or spec.name != "sgd" else ():
        assert np.abs(slot - exact.slots[name]).max() <= AFTER_20_STEPS * max(1, np.abs(slot).max())


def test_only_weights_of_two_dimensions_decay() -> None:
    graph = network()
    model = lower(graph, random_weights(graph, np.random.default_rng(0)))
    groups = make_optimizer(model, Optimizer()).param_groups
    assert [group["weight_decay"] for group in groups] == [0.01, 0.0]
    assert {parameter.ndim for parameter in groups[0]["params"]} == {2}
    assert {parameter.ndim for parameter in groups[1]["params"]} == {1}


def test_slots_are_zero_before_the_first_update() -> None:
    graph = network()
    model = lower(graph, random_weights(graph, np.random.default_rng(0)))
    slots = slots_to_canonical(model, graph, make_optimizer(model, Optimizer()))
    assert slots["step"] == 0
    assert slots["step"].dtype == np.int64
    assert "head.kernel/m" in slots
    assert not any(array.any() for array in slots.values())
    assert isinstance(make_optimizer(model, Optimizer()), torch.optim.AdamW)
