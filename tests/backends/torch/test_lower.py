"""The lowered module is one a PyTorch user can read, copy, compile and export."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from tests.backends.torch.networks import chain, value

from ambidex.backends.torch.lower import lower
from ambidex.backends.torch.native import network
from ambidex.errors import ArtifactError
from ambidex.graph import Builder, Graph, Node, Value, initial_weights

pytestmark = pytest.mark.torch


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


def series() -> Graph:
    return chain([value("x", "T", 3)], ("lstm", "lstm", {"units": 4}), ("head", "dense", {"units": 2}))


def inputs(batch: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(batch, 3, generator=generator), torch.randint(0, 5, (batch,), generator=generator)


def test_the_tree_reads_like_a_module_written_by_hand() -> None:
    graph = two_heads()
    lines = str(network(graph, initial_weights(graph, 0))).splitlines()
    assert lines[:9] == [
        "Network(",
        "  (embed): Embedding(5, 2)",
        "  (blocks): Module(",
        "    (0): Module(",
        "      (dense): Linear(in_features=5, out_features=4, bias=True)",
        "      (act): ReLU()",
        "    )",
        "  )",
        "  (left): Linear(in_features=4, out_features=1, bias=True)",
    ]


def test_several_raw_outputs_come_by_name_and_inputs_may_too() -> None:
    graph = two_heads()
    module = network(graph, initial_weights(graph, 0))
    numbers, codes = inputs()
    found = module(numbers, codes)
    assert {name: tuple(tensor.shape) for name, tensor in found.items()} == {"left": (3, 1), "right": (3, 2)}
    assert torch.equal(module(numbers=numbers, my_code=codes)["right"], found["right"])


def test_one_raw_output_comes_as_a_tensor_in_inference_mode() -> None:
    graph = series()
    module = network(graph, initial_weights(graph, 0))
    assert not module.training
    assert module(torch.zeros(2, 5, 3)).shape == (2, 2)


def test_building_a_network_leaves_the_streams_of_chance_alone() -> None:
    graph = series()
    before = torch.get_rng_state()
    network(graph, initial_weights(graph, 0))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_copy_is_independent() -> None:
    graph = series()
    module = network(graph, initial_weights(graph, 0))
    twin = copy.deepcopy(module)
    x = torch.ones(2, 5, 3)
    before = module(x).detach().clone()
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.add_(1)
    assert torch.equal(module(x), before)
    assert not torch.equal(twin(x), before)


def test_a_state_dict_fills_another_module() -> None:
    graph = two_heads()
    module, other = (network(graph, initial_weights(graph, seed)) for seed in (0, 1))
    other.load_state_dict(module.state_dict())
    assert torch.equal(other(*inputs())["left"], module(*inputs())["left"])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_export_gives_the_same_function() -> None:
    graph = two_heads()
    module = network(graph, initial_weights(graph, 0))
    exported = torch.export.export(module, inputs()).module()
    assert torch.equal(exported(*inputs())["right"], module(*inputs())["right"])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_compile_takes_the_module_in_one_piece() -> None:
    graph = two_heads()
    module = network(graph, initial_weights(graph, 0))
    # Tracing alone: the default compiler needs a C++ compiler on the machine.
    compiled = torch.compile(module, backend="eager", fullgraph=True)
    assert torch.equal(compiled(*inputs())["right"], module(*inputs())["right"])


def test_an_op_that_is_not_of_the_network_is_refused() -> None:
    graph = Graph(
        inputs=(value("x", 2),),
        prepare=(),
        prepared=("x",),
        network=(Node(name="bad", op="is_missing", inputs=("x",)),),
        raw_outputs=("bad",),
        decode=(),
        outputs={"y": "bad"},
    )
    with pytest.raises(ArtifactError, match=r"got op 'is_missing' at node 'bad'\.$"):
        lower(graph, {})


def test_a_frozen_layer_takes_no_gradient() -> None:
    graph = chain([value("x", 2)], ("fixed", "dense", {"units": 2, "is_trainable": False}))
    module = lower(graph, initial_weights(graph, 0))
    assert not any(parameter.requires_grad for parameter in module.parameters())
    assert np.isfinite(module(torch.zeros(1, 2)).detach().numpy()).all()
