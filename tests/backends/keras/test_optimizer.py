"""Our optimizer for Keras moves weights by the equation in `training.plan.Optimizer`, in a loop written by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.backends.torch.equation import Equation
from tests.backends.torch.networks import chain, perceptron, random_weights, value

from ambidex.backends.keras._import import keras
from ambidex.backends.keras.lower import lower
from ambidex.backends.keras.optimizer import PlanOptimizer, make_optimizer
from ambidex.backends.keras.update import make_scalars
from ambidex.backends.keras.weights import places, slots_from_canonical, slots_to_canonical, to_canonical
from ambidex.graph import Graph, initial_weights
from ambidex.training.plan import Optimizer

pytestmark = [pytest.mark.tensorflow, pytest.mark.jax]

# Twenty updates of float32 arithmetic against float64, weights of order one.
AFTER_20_STEPS = 5e-6

SPECS = {
    "adamw": Optimizer(name="adamw", weight_decay=0.1, epsilon=1e-3),
    "adamw, clipped": Optimizer(name="adamw", weight_decay=0.1, epsilon=1e-3, clip=1.0),
    "adam": Optimizer(name="adam", weight_decay=0.1),
    "adam of other betas": Optimizer(name="adam", beta1=0.0, beta2=0.5),
    "sgd": Optimizer(name="sgd", weight_decay=0.1),
    "sgd without momentum": Optimizer(name="sgd", momentum=0.0, weight_decay=0.5),
}


def network() -> Graph:
    """Weights of one and of two dimensions, a GRU's double bias, running statistics, a layer that is not trained."""
    frozen = ("fixed", "dense", {"units": 4, "is_trainable": False})
    return chain(
        [value("x", "T", 3)],
        frozen,
        ("look", "attention", {"heads": 2}),
        ("slope", "prelu", {}),
        ("rnn", "gru", {"units": 2}),
        ("norm", "batch_norm", {}),
        ("head", "dense", {"units": 2}),
    )


@pytest.mark.parametrize("case", SPECS)
def test_twenty_updates_follow_the_equation(case: str, rng: np.random.Generator) -> None:
    graph, spec = network(), SPECS[case]
    start = random_weights(graph, rng)
    model = lower(graph, start)
    optimizer = make_optimizer(model, spec)
    by_variable = {id(place.variable): place for place in places(model, graph)}
    trained = [by_variable[id(variable)] for variable in model.trainable_variables]
    names = [name for place in trained for name in place.names]
    exact = Equation(spec, {name: start[name].astype(np.float64) for name in names})
    for learning_rate in np.linspace(0.1, 0.001, 20):
        gradients = {name: rng.normal(size=start[name].shape).astype(np.float32) for name in names}
        optimizer.learning_rate = float(learning_rate)
        optimizer.apply([keras.ops.convert_to_tensor(place.join(gradients)) for place in trained])
        exact.update({name: array.astype(np.float64) for name, array in gradients.items()}, learning_rate)
    found = to_canonical(model, graph)
    assert max(float(np.abs(found[name] - weight).max()) for name, weight in exact.weights.items()) <= AFTER_20_STEPS
    assert all(np.array_equal(found[name], start[name]) for name in found.keys() - exact.weights.keys())
    slots = slots_to_canonical(model, graph, optimizer)
    assert slots.pop("step") == 20
    assert slots.keys() == exact.slots.keys()
    for name, slot in slots.items():
        assert np.abs(slot - exact.slots[name]).max() <= AFTER_20_STEPS * max(1, np.abs(slot).max())


def test_scalars_of_a_run_are_those_of_the_equation() -> None:
    rates = np.array([0.1, 0.2, 0.3])
    spec = Optimizer(beta1=0.9, beta2=0.99, weight_decay=0.5)
    found = make_scalars(spec, rates, first=4, accumulate=2)
    steps = np.array([5, 5, 6])
    expected = [
        rates / (1 - 0.9**steps),
        np.sqrt(1 - 0.99**steps),
        1 - 0.5 * rates,
        np.array([0.5, 0.5, 1]),
        np.array([0, 1, 1]),
    ]
    assert found.dtype == np.float32
    assert np.array_equal(found, np.stack(expected, axis=1).astype(np.float32))


def test_slots_are_zero_before_the_first_update() -> None:
    graph = network()
    model = lower(graph, initial_weights(graph, 0))
    slots = slots_to_canonical(model, graph, make_optimizer(model, Optimizer()))
    assert slots["step"] == 0
    assert slots["step"].dtype == np.int64
    assert "head.kernel/m" in slots
    assert "fixed.kernel/m" not in slots
    assert not any(array.any() for array in slots.values())


def fitted(model: Any, optimizer: Any, x: Any, y: Any) -> list[float]:
    model.compile(optimizer=optimizer, loss="mse")
    losses: list[float] = model.fit(x, y, batch_size=16, epochs=2, shuffle=False, verbose=0).history["loss"]
    return losses


def test_a_fit_by_hand_learns_and_its_state_travels(rng: np.random.Generator) -> None:
    graph = perceptron()
    x = rng.normal(size=(64, 3)).astype(np.float32)
    y = x[:, :1] * 2
    model = lower(graph, initial_weights(graph, 0))
    optimizer = make_optimizer(model, Optimizer(learning_rate=0.05, clip=1.0))
    first = fitted(model, optimizer, x, y)
    assert first[1] < first[0]
    other = lower(graph, to_canonical(model, graph))
    copy = make_optimizer(other, Optimizer(learning_rate=0.05, clip=1.0))
    slots_from_canonical(other, graph, copy, slots_to_canonical(model, graph, optimizer))
    assert fitted(other, copy, x, y) == fitted(model, optimizer, x, y)


def test_a_fit_by_hand_trains_an_embedding(rng: np.random.Generator) -> None:
    graph = chain([value("x", dtype="int64")], ("table", "embedding", {"count": 5, "width": 1}))
    model = lower(graph, initial_weights(graph, 0))
    codes = rng.integers(0, 5, 64)
    optimizer = make_optimizer(model, Optimizer(learning_rate=0.1, clip=5.0))
    losses = fitted(model, optimizer, codes, codes[:, None].astype(np.float32))
    assert losses[1] < losses[0]


def test_settings_come_back_from_the_configuration() -> None:
    spec = Optimizer(name="sgd", learning_rate=0.5, clip=2.0)
    assert PlanOptimizer.from_config(PlanOptimizer(spec).get_config()).plan == spec
