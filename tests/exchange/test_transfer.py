"""What has to be known to carry a layer from one framework to the other, each fact by itself."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import torch
from tests.tolerances import FORWARD_RECURRENT
from torch import nn

from ambidex.errors import CertificateError, UsageError
from ambidex.exchange import explain_diff, keras_to_torch, torch_to_keras
from ambidex.exchange.sample import ROWS

pytestmark = pytest.mark.both


def model(*layers: Any, shape: tuple[int | None, ...] = (4,), dtype: str = "float32") -> Any:
    return keras.Sequential([keras.Input(shape, dtype=dtype), *layers])


class First(nn.Module):
    """A recurrent or attending layer whose first output goes on."""

    def __init__(self, layer: Any, *, reads: int = 1, is_causal: bool = False) -> None:
        super().__init__()
        self.layer = layer
        self.reads = reads
        self.is_causal = is_causal

    def forward(self, x: Any) -> Any:
        mask = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).triu(1) if self.is_causal else None
        more = {"attn_mask": mask} if self.reads == 3 else {}
        return self.layer(*[x] * self.reads, **more)[0]


class Padded(nn.Module):
    """A convolution of (B, T, F) after zero steps."""

    def __init__(self, layer: Any, *padding: int) -> None:
        super().__init__()
        self.layer = layer
        self.padding = padding

    def forward(self, x: Any) -> Any:
        return self.layer(nn.functional.pad(x.transpose(1, 2), self.padding)).transpose(1, 2)


def refusal(error: type[Exception], function: Any, *networks: Any, **told: Any) -> str:
    with pytest.raises(error) as raised:
        function(*networks, **told)
    return str(raised.value)


def test_a_dense_kernel_is_transposed_bit_by_bit() -> None:
    module, twin = nn.Linear(4, 3), model(keras.layers.Dense(3))
    report = torch_to_keras(module, twin)
    assert np.array_equal(np.asarray(twin.layers[0].kernel), module.weight.detach().numpy().T)
    assert (report.source, report.target, report.rows, report.layout) == ("torch", "keras", ROWS, "as the model")
    assert [(pair.op, pair.values, pair.notes) for pair in report.layers] == [("dense", 15, ())]


def test_an_embedding_stays_as_it_is() -> None:
    table, twin = nn.Embedding(7, 3), model(keras.layers.Embedding(7, 3), shape=(5,))
    assert torch_to_keras(nn.Sequential(table), twin).max_difference == 0
    assert np.array_equal(np.asarray(twin.layers[0].embeddings), table.weight.detach().numpy())


def test_a_row_without_gradient_is_told_in_both_directions() -> None:
    table, twin = nn.Embedding(7, 3, padding_idx=0), model(keras.layers.Embedding(7, 3), shape=(5,))
    told = "one row gets no gradient in PyTorch and is trained like every other in Keras (padding_idx=0)"
    module = nn.Sequential(table)
    for report in (torch_to_keras(module, twin), keras_to_torch(twin, module)):
        assert report.without_counterpart == (f"0: {told}",)
        assert report.layers[0].notes == (told,)
    (difference,) = [
        one for one in explain_diff(module, twin, np.zeros((2, 5), np.int64)).differences if one.why == told
    ]
    assert (difference.kind, difference.a, difference.b) == (
        "training",
        "a row without gradient",
        "every row is trained",
    )


def test_a_sample_that_does_not_fit_is_refused() -> None:
    module, twin = nn.Linear(4, 3), model(keras.layers.Dense(3))
    assert torch_to_keras(module, twin, sample=[[1, 2, 3, 4]]).rows == 1
    message = refusal(UsageError, torch_to_keras, module, twin, sample=np.zeros((2, 5)))
    assert message == "Expected rows of shape (B, 4), got (2, 5) at sample."


def test_an_lstm_of_pytorch_arrives_with_the_sum_of_its_biases() -> None:
    layer: Any = nn.LSTM(4, 3, batch_first=True)
    twin = model(keras.layers.LSTM(3, return_sequences=True), shape=(None, 4))
    report = torch_to_keras(First(layer), twin)
    kernel, _, bias = (np.asarray(variable) for variable in twin.layers[0].cell.weights)
    assert np.array_equal(kernel, layer.weight_ih_l0.detach().numpy().T)  # the gates have one order
    assert np.array_equal(bias, (layer.bias_ih_l0 + layer.bias_hh_l0).detach().numpy())
    assert report.without_counterpart == ("layer: its two biases act as their sum, and the sum is what is kept",)


def test_an_lstm_of_keras_leaves_the_second_bias_zero() -> None:
    twin = model(keras.layers.LSTM(3, return_sequences=True), shape=(None, 4))
    layer: Any = nn.LSTM(4, 3, batch_first=True)
    (pair,) = keras_to_torch(twin, First(layer)).layers
    assert not layer.bias_hh_l0.any()
    assert layer.bias_ih_l0[3:6].eq(1).all()  # Keras begins with forget gates open
    assert pair.notes == ("the second bias is zero; both are trained, so that together they take each step twice",)


def test_a_gru_changes_the_order_of_its_gates_and_keeps_both_biases() -> None:
    layer: Any = nn.GRU(4, 3, batch_first=True)
    twin = model(keras.layers.GRU(3, return_sequences=True), shape=(None, 4))
    assert torch_to_keras(First(layer), twin).max_difference <= FORWARD_RECURRENT
    reset, update, new = layer.bias_hh_l0.detach().numpy().reshape(3, 3)
    assert np.array_equal(np.asarray(twin.layers[0].cell.bias)[1], np.concatenate([update, reset, new]))


def test_a_gru_that_resets_before_the_product_is_refused() -> None:
    twin = model(keras.layers.GRU(3, return_sequences=True, reset_after=False), shape=(None, 4))
    for function, networks in ((keras_to_torch, (twin, nn.GRU(4, 3))), (torch_to_keras, (nn.GRU(4, 3), twin))):
        message = refusal(UsageError, function, *networks)
        assert "(reset_after=False): another function" in message


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_stacked_layers_of_both_directions(kind: str) -> None:
    layer = getattr(nn, kind)(4, 3, num_layers=2, bidirectional=True, batch_first=True)
    made = [keras.layers.Bidirectional(getattr(keras.layers, kind)(3, return_sequences=True)) for _ in range(2)]
    twin = model(*made, shape=(None, 4))
    report = torch_to_keras(First(layer), twin)
    assert [pair.source for pair in report.layers] == ["layer.0", "layer.1"]
    for rows, steps in ((1, 1), (2, 9), (3, 5), (17, 2)):
        assert torch_to_keras(First(layer), twin, sample=np.ones((rows, steps, 4), np.float32)).rows == rows


def test_the_steps_may_come_first() -> None:
    twin = model(keras.layers.LSTM(3, return_sequences=True), shape=(None, 4))
    assert torch_to_keras(First(nn.LSTM(4, 3)), twin).layout == "time first"


def test_a_causal_dilated_convolution() -> None:
    twin = model(keras.layers.Conv1D(3, 3, dilation_rate=2, padding="causal"), shape=(None, 4))
    assert torch_to_keras(Padded(nn.Conv1d(4, 3, 3, dilation=2), 4, 0), twin).max_difference <= FORWARD_RECURRENT


def test_the_channels_may_come_first() -> None:
    twin = model(keras.layers.Conv1D(3, 3), shape=(None, 4))
    assert torch_to_keras(nn.Conv1d(4, 3, 3), twin).layout == "channels first"


def test_same_padding_with_a_stride_is_refused_and_explicit_padding_is_not() -> None:
    same = model(keras.layers.Conv1D(3, 3, strides=2, padding="same"), shape=(8, 4))
    message = refusal(UsageError, torch_to_keras, nn.Conv1d(4, 3, 3, stride=2, padding=1), same)
    assert "padding='same' adds beside a stride depends on the length; pad with ZeroPadding1D" in message
    explicit = model(keras.layers.ZeroPadding1D((0, 1)), keras.layers.Conv1D(3, 3, strides=2), shape=(8, 4))
    assert torch_to_keras(Padded(nn.Conv1d(4, 3, 3, stride=2), 0, 1), explicit).layout == "as the model"


def test_a_stride_cannot_be_set() -> None:
    twin = model(keras.layers.Conv1D(3, 3), shape=(8, 4))
    message = refusal(UsageError, torch_to_keras, nn.Conv1d(4, 3, 3, stride=2), twin, set_hyperparameters=True)
    assert message.startswith("Expected stride 2, as in '', got 1 at 'conv1d")


@pytest.mark.parametrize("is_causal", [False, True])
def test_attention_is_split_in_three_and_its_mask_reversed(is_causal: bool) -> None:
    begin = keras.Input((None, 6))
    attention = keras.layers.MultiHeadAttention(2, 3)
    twin = keras.Model(begin, attention(begin, begin, use_causal_mask=is_causal))
    layer = nn.MultiheadAttention(6, 2, batch_first=True)
    nn.init.normal_(layer.in_proj_bias)
    assert torch_to_keras(First(layer, reads=3, is_causal=is_causal), twin).max_difference <= FORWARD_RECURRENT
    query = np.asarray(attention.query_dense.kernel).reshape(6, 6)
    assert np.array_equal(query, layer.in_proj_weight[:6].detach().numpy().T)


def test_attention_of_another_width_is_refused() -> None:
    begin = keras.Input((None, 6))
    twin = keras.Model(begin, keras.layers.MultiHeadAttention(2, 5)(begin, begin))
    message = refusal(UsageError, keras_to_torch, twin, First(nn.MultiheadAttention(6, 2), reads=3))
    assert "PyTorch's heads share the width of the input between them (key_dim · heads)" in message


@pytest.mark.parametrize(
    ("layer", "twin", "name", "value"),
    [
        (nn.BatchNorm1d(4), keras.layers.BatchNormalization, "epsilon", 0.001),
        (nn.BatchNorm1d(4, eps=1e-3), keras.layers.BatchNormalization, "momentum", 0.01),
        (nn.LayerNorm(4), keras.layers.LayerNormalization, "epsilon", 0.001),
        (nn.LeakyReLU(), keras.layers.LeakyReLU, "slope", 0.3),
    ],
)
def test_defaults_that_differ_are_refused_or_set(layer: Any, twin: Any, name: str, value: float) -> None:
    module, target = nn.Sequential(layer, nn.Linear(4, 2)), model(twin(), keras.layers.Dense(2))
    message = refusal(UsageError, torch_to_keras, module, target)
    assert message.startswith(f"Expected {name} ")
    assert f"got {value:g} at" in message
    assert "pass set_hyperparameters=True." in message
    report = torch_to_keras(module, target, set_hyperparameters=True)
    assert any(f".{name}: {value:g} → " in change for change in report.changed)
    assert not torch_to_keras(module, target).changed


def test_keras_runs_with_the_hyperparameters_that_were_set_after_it_had_compiled() -> None:
    module, target = nn.LayerNorm(4, eps=0.5), model(keras.layers.LayerNormalization())
    x = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    target.predict(x, verbose=0)
    torch_to_keras(module, target, set_hyperparameters=True)
    expected = module(torch.from_numpy(x)).detach().numpy()
    assert np.abs(target.predict(x, verbose=0) - expected).max() <= FORWARD_RECURRENT


def test_running_statistics_go_to_their_own_places_and_train_differently() -> None:
    layer: Any = nn.BatchNorm1d(4, eps=1e-3, momentum=0.01)
    with torch.no_grad():
        for tensor in (layer.weight, layer.bias, layer.running_mean, layer.running_var):
            tensor.uniform_(0.5, 2)
    twin = model(keras.layers.BatchNormalization())
    report = torch_to_keras(layer, twin)
    found = [np.asarray(variable) for variable in twin.layers[0].weights]
    assert all(
        np.array_equal(one, other.numpy())
        for one, other in zip(
            found, (layer.weight.detach(), layer.bias.detach(), layer.running_mean, layer.running_var), strict=True
        )
    )
    assert "num_batches_tracked" in report.without_counterpart[0]
    rows = np.random.default_rng(1).normal(size=(5, 4)).astype(np.float32)
    before = layer.running_var.numpy().copy()
    layer.train()(torch.from_numpy(rows))
    twin(rows, training=True)
    assert np.asarray(twin.layers[0].moving_mean) == pytest.approx(layer.running_mean.numpy(), abs=1e-6)
    moved = np.asarray(twin.layers[0].moving_variance) - 0.99 * before
    assert moved * 5 / 4 == pytest.approx(layer.running_var.numpy() - 0.99 * before, abs=1e-6)  # n / (n - 1)


def test_one_slope_fills_all_and_many_do_not_become_one() -> None:
    shared, own = nn.PReLU(), nn.PReLU(4)
    many, one = model(keras.layers.PReLU()), model(keras.layers.PReLU(shared_axes=[1]))
    (pair,) = torch_to_keras(shared, many).layers
    assert np.asarray(many.layers[0].alpha).tolist() == [0.25] * 4
    assert pair.notes == ("one slope for all against one for each channel: equal now, trained differently",)
    nn.init.normal_(own.weight)
    assert torch_to_keras(own, many).max_difference <= FORWARD_RECURRENT
    assert "Expected slope of shape (4,)" in refusal(UsageError, torch_to_keras, own, one)


def test_a_slope_for_each_step_is_refused() -> None:
    message = refusal(UsageError, keras_to_torch, model(keras.layers.PReLU(), shape=(5, 4)), nn.PReLU(4))
    assert "shared_axes=[1] shares them" in message


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("gelu", nn.GELU()),
        ("silu", nn.SiLU()),
        ("mish", nn.Mish()),
        ("softplus", nn.Softplus()),
        ("elu", nn.ELU()),
        ("selu", nn.SELU()),
        ("hard_sigmoid", nn.Hardsigmoid()),
    ],
)
def test_activations_whose_defaults_agree(name: str, layer: Any) -> None:
    twin = model(keras.layers.Dense(3, activation=name))
    assert torch_to_keras(nn.Sequential(nn.Linear(4, 3), layer), twin).max_difference <= FORWARD_RECURRENT


def test_an_activation_that_differs_is_noticed_and_the_target_stays_as_it_was() -> None:
    module, twin = nn.Sequential(nn.Linear(4, 3), nn.LeakyReLU()), model(keras.layers.Dense(3, activation="leaky_relu"))
    before = [np.array(variable) for variable in twin.weights]
    message = refusal(CertificateError, torch_to_keras, module, twin)
    assert message.startswith("Expected outputs within 1e-05 of the PyTorch network, got a difference of ")
    assert all(np.array_equal(one, np.asarray(variable)) for one, variable in zip(before, twin.weights, strict=True))


def test_a_difference_that_few_rows_show_is_noticed() -> None:
    """At two standard deviations above zero, one number in 44 meets the slope."""
    layer = nn.Linear(4, 3)
    nn.init.eye_(layer.weight)
    nn.init.constant_(layer.bias, 2)
    module, twin = nn.Sequential(layer, nn.LeakyReLU()), model(keras.layers.Dense(3, activation="leaky_relu"))
    assert "got a difference of" in refusal(CertificateError, torch_to_keras, module, twin)


def test_a_module_that_was_not_filled_keeps_its_second_bias() -> None:
    layer: Any = nn.LSTM(4, 3, batch_first=True)
    before = layer.bias_hh_l0.detach().clone()
    twin = model(keras.layers.LSTM(3, return_sequences=True), keras.layers.Activation("relu"), shape=(None, 4))
    refusal(CertificateError, keras_to_torch, twin, First(layer))
    assert torch.equal(layer.bias_hh_l0, before)


def test_biases_that_one_side_lacks_do_nothing_or_are_refused() -> None:
    module, twin = nn.Linear(4, 3, bias=False), model(keras.layers.Dense(3))
    twin.layers[0].bias.assign([1, 2, 3])
    assert "Expected a place for bias of" in refusal(UsageError, keras_to_torch, twin, module)
    (pair,) = torch_to_keras(module, twin).layers
    assert not np.asarray(twin.layers[0].bias).any()
    assert "bias of" in pair.notes[0]


def test_masks_and_unknown_layers_are_refused_together() -> None:
    twin = model(keras.layers.Embedding(5, 4, mask_zero=True), keras.layers.SimpleRNN(2), shape=(6,))
    message = refusal(UsageError, keras_to_torch, twin, nn.Embedding(5, 4))
    assert "(mask_zero)" in message
    assert "SimpleRNN: a layer of this kind has no counterpart here" in message


class Named(nn.Module):
    """Made in another order than it is called in."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(4, 4)
        self.body = nn.ModuleDict({"first": nn.Linear(4, 4)})

    def forward(self, x: Any) -> Any:
        return self.head(torch.tanh(self.body["first"](x)))


def test_layers_are_paired_by_name() -> None:
    twin = model(keras.layers.Dense(4, activation="tanh", name="body_first"), keras.layers.Dense(4, name="head"))
    refusal(CertificateError, torch_to_keras, Named(), twin)
    report = torch_to_keras(Named(), twin, by="name")
    assert {(pair.source, pair.target) for pair in report.layers} == {("head", "head"), ("body.first", "body_first")}


def test_names_that_do_not_match_are_listed() -> None:
    twin = model(keras.layers.Dense(4, name="one"), keras.layers.Dense(4, name="head"))
    message = refusal(UsageError, torch_to_keras, Named(), twin, by="name")
    assert "layers called 'head' dense, 'body.first' dense, got 'one' dense, 'head' dense" in message


@pytest.mark.parametrize(
    ("function", "networks", "message"),
    [
        (torch_to_keras, ("module", "model"), "Expected a torch.nn.Module, got an object of type str at module."),
        (torch_to_keras, (nn.Linear(1, 1), nn.Linear(1, 1)), "Expected a keras.Model, got an object of type Linear"),
        (keras_to_torch, (nn.Linear(1, 1), nn.Linear(1, 1)), "Expected a keras.Model, got an object of type Linear"),
    ],
)
def test_other_objects_are_refused(function: Any, networks: tuple[Any, Any], message: str) -> None:
    assert refusal(UsageError, function, *networks).startswith(message)


def test_other_numbers_and_shapes_of_layers_are_refused() -> None:
    twin = model(keras.layers.Dense(3))
    assert "2 layers with weights" in refusal(
        UsageError, torch_to_keras, nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 3)), twin
    )
    assert "kernel of shape (4, 2)" in refusal(UsageError, torch_to_keras, nn.Linear(4, 2), twin)
    message = refusal(UsageError, torch_to_keras, nn.Linear(4, 3), twin, by="size")
    assert message == "Expected one of name, order, got 'size' at by."


def test_a_model_that_was_never_called_needs_a_sample() -> None:
    twin = keras.Sequential([keras.layers.Dense(3)])
    assert "a sample" in refusal(UsageError, torch_to_keras, nn.Linear(4, 3), twin)
    assert torch_to_keras(nn.Linear(4, 3), twin, sample=np.ones((2, 4))).rows == 2


def test_several_inputs_go_as_a_list() -> None:
    class Sum(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table, self.head = nn.Embedding(5, 3), nn.Linear(3, 1)

        def forward(self, codes: Any, numbers: Any) -> Any:
            return self.head(self.table(codes) + numbers)

    codes, numbers = keras.Input((), dtype="int32"), keras.Input((3,))
    x = keras.layers.Add()([keras.layers.Embedding(5, 3)(codes), numbers])
    twin = keras.Model([codes, numbers], keras.layers.Dense(1)(x))
    assert torch_to_keras(Sum(), twin).max_difference <= FORWARD_RECURRENT
    assert torch_to_keras(Sum(), twin, sample=[np.array([1, 4]), np.zeros((2, 3))]).rows == 2
