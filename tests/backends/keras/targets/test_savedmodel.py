from __future__ import annotations

import functools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.backends.keras.targets.sources import network_source, prepared, series_source, table_source
from tests.export.onnx.edition import Array, assert_close
from tests.export.onnx.models import draw_inputs
from tests.tolerances import FORWARD_DENSE, FORWARD_RECURRENT

from ambidex.arch.table import MODELS
from ambidex.backends.keras._import import plain_tf as tf
from ambidex.backends.keras.targets import savedmodel
from ambidex.backends.keras.targets.signature import traced_names
from ambidex.backends.source import Options, Source
from ambidex.graph import predict, prepare, run_network
from ambidex.graph.ports import by_column

pytestmark = pytest.mark.tensorflow

# As in a place that has TensorFlow and nothing else: `None` forbids the import.
ALONE = """
import json, sys
for name in ("keras", "tf_keras", "ambidex"):
    sys.modules[name] = None
import tensorflow as tf
signature = tf.saved_model.load(sys.argv[1]).signatures["serving_default"]
specs = signature.structured_input_signature[1]
columns = json.loads(sys.argv[2])
answers = signature(**{name: tf.constant(values, specs[name].dtype) for name, values in columns.items()})
assert not any(name.split(".")[0] == "keras" and module for name, module in sys.modules.items())
print(json.dumps([label.decode() for label in answers["y"].numpy()]))
"""


Written = tuple[Source, Path]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return written(table_source(np.random.default_rng(1)), tmp_path_factory.mktemp("table"))


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return written(series_source(np.random.default_rng(1)), tmp_path_factory.mktemp("series"))


def written(source: Source, folder: Path, **options: Any) -> Written:
    output = folder / "saved"
    savedmodel.write(source, output, Options(**options))
    return source, output


def signatures(output: Path) -> Any:
    from tensorflow.core.protobuf import saved_model_pb2

    saved = saved_model_pb2.SavedModel.FromString((output / "saved_model.pb").read_bytes())
    return saved.meta_graphs[0].signature_def


def test_texts_become_labels_without_keras_and_without_ambidex(table: Written, rng: np.random.Generator) -> None:
    source, output = table
    rows = draw_inputs(source.graph, rng, 7, 0)
    rows["numbers"] = np.nan_to_num(rows["numbers"])  # JSON has no NaN
    columns = by_column(rows, source.layouts)
    named = {traced: columns[name].tolist() for name, traced in traced_names(columns).items()}
    done = subprocess.run(
        [sys.executable, "-c", ALONE, str(output), json.dumps(named)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == predict(source.graph, rows, source.weights)["y"].tolist()


@pytest.mark.parametrize("name", ["table", "series"])
def test_answers_are_the_reference_s(name: str, request: pytest.FixtureRequest, rng: np.random.Generator) -> None:
    source, output = request.getfixturevalue(name)
    assert_answers(source, output, [draw_inputs(source.graph, rng, batch, time) for batch, time in ((1, 6), (17, 9))])


def test_inputs_may_be_packed(tmp_path: Path, rng: np.random.Generator) -> None:
    source, output = written(table_source(rng), tmp_path, packed=True)
    assert set(signatures(output)["serving_default"].inputs) == {"numbers", "texts", "times"}
    assert_answers(source, output, [draw_inputs(source.graph, rng, 3, 6)])


def test_numbers_may_be_float32(tmp_path: Path, rng: np.random.Generator) -> None:
    source, output = written(series_source(rng), tmp_path, float32_inputs=True)
    batch = draw_inputs(source.graph, rng, 3, 6)
    batch = {name: array.astype(np.float32) if array.dtype.kind == "f" else array for name, array in batch.items()}
    assert_answers(source, output, [batch])


def assert_answers(source: Source, output: Path, batches: list[dict[str, Array]]) -> None:
    for batch, answers in zip(batches, savedmodel.answer(output, source, batches), strict=True):
        exact = {name: array.astype(np.float64) if array.dtype.kind == "f" else array for name, array in batch.items()}
        wanted = predict(source.graph, exact, source.weights)
        assert list(answers) == list(wanted)
        for name, expected in wanted.items():
            assert_close(answers[name], expected, FORWARD_RECURRENT)


def test_servers_see_the_columns_own_names(table: Written) -> None:
    found = signatures(table[1])["serving_default"]
    columns = {"hours-per-week", "Größe (m²)", "class", "colour of it", "self", "born"}
    assert set(found.inputs) == columns
    assert set(found.outputs) == {"y", "y_probabilities"}
    assert all([dim.size for dim in port.tensor_shape.dim] == [-1] for port in found.inputs.values())


def test_a_forecast_beside_its_history_has_another_name(series: Written) -> None:
    found = signatures(series[1])["serving_default"]
    assert set(found.inputs) == {"price", "volume", "holiday", "mood", "when", "future_holiday", "shop", "town"}
    assert set(found.outputs) == {"price_predicted", "price_quantiles"}
    assert [dim.size for dim in found.inputs["price"].tensor_shape.dim] == [-1, -1]


def test_python_may_call_with_a_dict_of_any_names(table: Written) -> None:
    source, output = table
    loaded = tf.saved_model.load(str(output))
    columns = {name: tf.constant(array) for name, array in by_column(source.rows, source.layouts).items()}
    labels = [label.decode() for label in loaded.predict(columns)["y"].numpy()]
    assert labels == predict(source.graph, source.rows, source.weights)["y"].tolist()


def test_the_second_signature_takes_prepared_tensors(table: Written) -> None:
    source, output = table
    loaded = tf.saved_model.load(str(output))
    values = prepare(source.graph, source.rows)
    raw = loaded.signatures["prepared"](**{name: tf.constant(values[name]) for name in source.graph.prepared})
    wanted = run_network(source.graph, values, source.weights)
    np.testing.assert_allclose(raw["logits"], wanted["logits"], atol=FORWARD_DENSE)


def test_warm_up_requests_are_what_tensorflow_serving_reads(table: Written) -> None:
    """Read back by messages that are declared here as TensorFlow Serving declares them."""
    source, output = table
    path = output / "assets.extra" / "tf_serving_warmup_requests"
    logs = [prediction_log().FromString(record.numpy()) for record in tf.data.TFRecordDataset(str(path))]
    requests = [log.predict_log.request for log in logs]
    assert [request.model_spec.signature_name for request in requests] == ["serving_default"] * 2 + ["prepared"]
    assert {request.model_spec.name for request in requests} == {"model"}
    columns = by_column(source.rows, source.layouts)
    for request, count in zip(requests, (1, 5), strict=False):
        assert set(request.inputs) == set(columns)
        for name, tensor in request.inputs.items():
            np.testing.assert_array_equal(tf.make_ndarray(tensor), encoded(columns[name][:count]))
    assert json.loads((output / "assets.extra" / "ambidex.json").read_text()) == {"task": "multiclass"}


def encoded(array: Array) -> Array:
    """Texts as TensorFlow has them."""
    return np.array([text.encode() for text in array], dtype=object) if array.dtype == object else array


@functools.cache
def prediction_log() -> Any:
    """The message `PredictionLog`, as far as a warm-up request needs it."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    text, message = descriptor_pb2.FieldDescriptorProto.TYPE_STRING, descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE
    file = descriptor_pb2.FileDescriptorProto(name="warmup.proto", package="warmup", syntax="proto3")
    file.dependency.append("tensorflow/core/framework/tensor.proto")

    def declare(parent: Any, message_name: str, fields: dict[str, tuple[int, str]]) -> Any:
        found = parent.add(name=message_name)
        for field, (number, kind) in fields.items():
            found.field.add(name=field, number=number, type=message if kind else text, type_name=kind or None, label=1)
        return found

    declare(file.message_type, "ModelSpec", {"name": (1, ""), "signature_name": (3, "")})
    parts = {"model_spec": (1, ".warmup.ModelSpec"), "inputs": (2, ".warmup.Request.InputsEntry")}
    request = declare(file.message_type, "Request", parts)
    request.field[1].label = 3  # repeated
    entry = declare(request.nested_type, "InputsEntry", {"key": (1, ""), "value": (2, ".tensorflow.TensorProto")})
    entry.options.map_entry = True
    declare(file.message_type, "PredictLog", {"request": (1, ".warmup.Request")})
    declare(file.message_type, "PredictionLog", {"predict_log": (6, ".warmup.PredictLog")})
    pool = descriptor_pool.Default()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("warmup.PredictionLog"))


@pytest.mark.parametrize("model", MODELS.values(), ids=lambda model: model.name)
def test_every_architecture_is_written(model: Any, tmp_path: Path, rng: np.random.Generator) -> None:
    source = network_source(model, rng)
    _, output = written(source, tmp_path, packed=True)
    times = (6, 11) if model.has_free_time else (6, 6)
    batches = [prepared(source.graph, rng, batch, time) for batch, time in zip((1, 17), times, strict=True)]
    for batch, answers in zip(batches, savedmodel.answer(output, source, batches), strict=True):
        wanted = run_network(source.graph, batch, source.weights)[source.graph.raw_outputs[0]]
        np.testing.assert_allclose(answers["y"], wanted, atol=FORWARD_RECURRENT)
