"""Each difference between two networks is found, and its effect is what the change alone does."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import torch
from torch import nn

from ambidex.errors import UsageError
from ambidex.exchange import Explanation, explain_diff, torch_to_keras
from ambidex.exchange.defaults import fresh_spread

pytestmark = pytest.mark.both

ROWS = np.random.default_rng(0).normal(size=(16, 4)).astype(np.float32)


def pair(**told: Any) -> tuple[Any, Any]:
    module = nn.Sequential(nn.Linear(4, 8), nn.LayerNorm(8), nn.Linear(8, 1))
    layers = [keras.layers.Dense(8), keras.layers.LayerNormalization(**told), keras.layers.Dense(1)]
    return module, keras.Sequential([keras.Input((4,)), *layers])


def effects(found: Explanation) -> dict[str, float]:
    return {one.where: one.effect for one in found.differences if one.effect is not None}


def test_an_epsilon_alone_explains_the_whole_difference() -> None:
    module, twin = pair(epsilon=0.1)
    torch_to_keras(module, twin, set_hyperparameters=True)
    twin.layers[1].epsilon = 0.1
    found = explain_diff(module, twin, ROWS)
    assert list(effects(found)) == ["1.epsilon"]
    assert effects(found)["1.epsilon"] == pytest.approx(found.max_difference, rel=1e-3)
    assert module[1].eps == 1e-5  # put back
    first = found.differences[0]
    assert (first.kind, first.a, first.b) == ("hyperparameter", "1e-05", "0.1")


def test_weights_are_measured_layer_by_layer_and_put_back() -> None:
    module, twin = pair(epsilon=1e-5)
    torch_to_keras(module, twin)
    twin.layers[2].bias.assign([0.5])
    before = [parameter.detach().clone() for parameter in module.parameters()]
    added = 0.5 - float(module[2].bias.detach())
    found = explain_diff(module, twin, ROWS)
    assert effects(found) == {"2": pytest.approx(abs(added), rel=1e-4)}
    assert all(torch.equal(one, other) for one, other in zip(before, module.parameters(), strict=True))


def test_what_no_layer_explains_is_said() -> None:
    module, twin = nn.Sequential(nn.Linear(4, 1)), keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    torch_to_keras(module, twin)
    bent = nn.Sequential(*module, nn.ReLU())
    found = explain_diff(bent, twin, ROWS).differences[0]
    assert found.where == "between the layers"
    assert "look at activations" in found.why


def test_equal_networks_of_one_framework_do_not_differ() -> None:
    module, _ = pair()
    found = explain_diff(module, module, ROWS)
    assert (found.max_difference, found.differences) == (0.0, ())


def test_defaults_that_act_on_training_are_listed_with_a_reason() -> None:
    module = nn.Sequential(nn.BatchNorm1d(4))
    found = explain_diff(module, keras.Sequential([keras.Input((4,)), keras.layers.BatchNormalization()]), ROWS)
    by_name = {one.where: one for one in found.differences}
    assert (by_name["0.momentum"].a, by_name["0.momentum"].b) == ("0.1", "0.01")
    assert (by_name["0"].a, by_name["0"].b) == ("unbiased variance", "biased variance")
    assert "AdamW.weight_decay" in by_name
    assert all(one.why for one in found.differences if one.effect is None)


def test_layers_that_cannot_be_paired_are_refused() -> None:
    with pytest.raises(UsageError, match="2 layers with weights"):
        explain_diff(nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 1)), nn.Linear(4, 1), ROWS)


def test_what_the_frameworks_are_said_to_do_is_what_they_do() -> None:
    module, twin = nn.LSTM(4, 50), keras.layers.LSTM(50)
    twin.build((None, 3, 4))
    limit = 1 / np.sqrt(50)
    assert all(0.9 * limit < float(part.detach().abs().max()) <= limit for part in module.parameters())
    assert np.asarray(twin.cell.bias)[50:100].tolist() == [1.0] * 50
    assert fresh_spread("torch", "dense", {"kernel": np.zeros((4, 3))}) == "kernel and bias uniform ±0.5"
    assert float(nn.Linear(4, 3).weight.detach().abs().max()) <= 0.5
    table = keras.layers.Embedding(50, 50)
    table.build()
    assert np.abs(np.asarray(table.embeddings)).max() <= 0.05
    assert float(nn.Embedding(50, 50).weight.detach().std()) == pytest.approx(1, abs=0.1)
    weight = nn.Linear(1, 1).weight
    assert torch.optim.Adam([weight]).defaults["eps"] == 1e-8
    assert keras.optimizers.Adam().epsilon == 1e-7
    assert torch.optim.AdamW([weight]).defaults["weight_decay"] == 0.01
    assert keras.optimizers.AdamW().weight_decay == 0.004
    assert torch.optim.RMSprop([weight]).defaults["alpha"] == 0.99
    assert keras.optimizers.RMSprop().rho == 0.9
    assert keras.activations.leaky_relu(keras.ops.convert_to_tensor([-1.0])).numpy() == pytest.approx([-0.2])
    logits, labels, sizes = torch.tensor([[1.0, 0.0], [0.0, 0.0]]), torch.tensor([0, 1]), torch.tensor([1.0, 3.0])
    each = nn.functional.cross_entropy(logits, labels, reduction="none") * sizes[labels]
    assert float(nn.functional.cross_entropy(logits, labels, weight=sizes)) == pytest.approx(float(each.sum() / 4))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    weighted = loss(labels.numpy(), logits.numpy(), sample_weight=sizes[labels].numpy())
    assert float(weighted) == pytest.approx(float(each.sum() / 2))
