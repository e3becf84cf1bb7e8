"""A Keras file and a SavedModel through the server, beside what Keras itself answers here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from ambidex.backends.keras.targets import savedmodel
from ambidex.backends.source import Options
from ambidex.errors import ArtifactError
from ambidex.graph import predict
from ambidex.graph.ports import by_column
from ambidex.ingest.hdf5_weights import check_weights
from ambidex.runtime.foreign import KINDS, check_harmless
from tests.backends.keras.targets.sources import table_source
from tests.export.onnx.models import draw_inputs
from tests.server.foreign.processes import wait_for
from tests.server.running import Server, running
from tests.server.test_serve import HEAVY

pytestmark = pytest.mark.tensorflow

ROWS = [{"age": 3.0, "work": "b"}, {"age": 4.0, "work": "never seen"}]


def network() -> Any:
    keras.utils.set_random_seed(0)
    age, work = keras.Input((1,), name="age"), keras.Input((1,), dtype="string", name="work")
    code = keras.layers.StringLookup(vocabulary=["a", "b"], output_mode="one_hot")(work)
    joined = keras.layers.Concatenate()([age, code])
    return keras.Model({"age": age, "work": work}, {"score": keras.layers.Dense(2)(joined)})


def many_layers() -> Any:
    """Preprocessing that was adapted, and operators, initializers, regularizers and activations in many forms."""
    numbers, work = keras.Input((4,)), keras.Input((1,), dtype="string")
    scale, code = keras.layers.Normalization(), keras.layers.StringLookup(output_mode="one_hot")
    words = keras.layers.TextVectorization(output_mode="tf_idf", max_tokens=10)
    scale.adapt(np.eye(4))
    code.adapt(np.array(["a", "b"]))
    words.adapt(["a b", "c d"])
    dense = keras.layers.Dense(
        3,
        activation=keras.activations.gelu,
        kernel_regularizer=keras.regularizers.L2(1e-3),
        kernel_constraint=keras.constraints.MaxNorm(2),
        kernel_initializer=keras.initializers.HeNormal(),
    )
    hidden = dense(scale(numbers))
    hidden = keras.layers.PReLU()(hidden * 2 + keras.ops.tanh(hidden))
    parts = [hidden, code(work), keras.layers.Flatten()(words(work))]
    answer = keras.layers.Dense(2, activation="softmax")(keras.layers.Concatenate()(parts))
    model = keras.Model([numbers, work], answer)
    steps = keras.optimizers.schedules.CosineDecay(1e-3, 100)
    model.compile(keras.optimizers.AdamW(steps), keras.losses.CategoricalCrossentropy(), ["acc", keras.metrics.AUC()])
    return model


def recurrent() -> Any:
    steps = keras.Input((None, 3))
    hidden = keras.layers.Bidirectional(keras.layers.LSTM(4, return_sequences=True))(steps)
    hidden = keras.layers.BatchNormalization()(keras.layers.GRU(3)(hidden))
    attended = keras.layers.GlobalAveragePooling1D()(keras.layers.MultiHeadAttention(2, 2)(steps, steps))
    return keras.Model(steps, keras.layers.Dense(1)(keras.layers.Concatenate()([hidden, attended])))


def in_other_types() -> Any:
    small = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    small.layers[0].quantize("int8")
    return keras.Sequential([keras.Input((4,)), small, keras.Sequential([keras.layers.Dense(2, dtype="bfloat16")])])


@pytest.fixture(scope="module")
def expected() -> Any:
    columns = {name: tf.constant([[row[name]] for row in ROWS]) for name in ("age", "work")}
    return np.asarray(network()(columns)["score"])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("keras")
    network().save(folder / "kept.keras")
    network().export(folder / "exported" / "7", verbose=False)
    settings = {"trust": True, "log_requests": True}
    with running([folder / "kept.keras", folder / "exported"], settings) as started:
        for name in ("kept", "exported"):
            wait_for(started, name)
        yield started


@pytest.mark.parametrize("name", ["kept", "exported", "exported/versions/7"])
def test_rows_answer_as_in_keras(server: Server, name: str, expected: Any) -> None:
    answer = server.post(f"/models/{name}/predict", {"rows": ROWS})
    assert answer.status == 200, answer.body
    found = [row["score"] for row in answer.json["predictions"]]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_requests_of_tensorflow_serving_work_unchanged(server: Server, expected: Any) -> None:
    columns = {"age": [[3.0], [4.0]], "work": [["b"], ["never seen"]]}
    answer = server.post(
        "/v1/models/exported/versions/7:predict", {"signature_name": "serving_default", "inputs": columns}
    )
    np.testing.assert_allclose(answer.json["outputs"], expected, rtol=1e-6)
    signature = server.get("/v1/models/exported/metadata").json["metadata"]["signature_def"]["signature_def"]
    assert signature["serving_default"]["inputs"]["work"]["dtype"] == "DT_STRING"


def test_an_artifact_exported_to_a_savedmodel_takes_its_columns_by_name(tmp_path: Path) -> None:
    source = table_source(np.random.default_rng(1))
    savedmodel.write(source, tmp_path / "exported" / "1", Options())
    packed = draw_inputs(source.graph, np.random.default_rng(2), 5, 0)
    packed["numbers"] = np.nan_to_num(packed["numbers"])
    columns = {name: values.tolist() for name, values in by_column(packed, source.layouts).items()}
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    wanted = predict(source.graph, packed, source.weights)["y"].tolist()
    with running([tmp_path / "exported"], {"trust": True}) as server:
        wait_for(server, "exported")
        answer = server.post("/models/exported/predict", {"rows": rows})
        assert answer.status == 200, answer.body
        assert [row["y"] for row in answer.json["predictions"]] == wanted


def test_what_does_not_fit_is_refused(server: Server) -> None:
    answer = server.post("/models/kept/predict", {"rows": [{"age": "old", "work": "b"}]})
    assert (answer.status, answer.json["error"]["code"]) == (422, "wrong_type")


def test_a_keras_file_that_holds_a_program_needs_trust(tmp_path: Path) -> None:
    layers = [keras.Input((1,)), keras.layers.Lambda(lambda x: x * 2)]
    path = tmp_path / "lambda.keras"
    keras.Sequential(layers).save(path)
    with pytest.raises(ArtifactError, match=r"a Lambda layer, which is a program at .* with --trust"):
        check_harmless(str(path), KINDS[".keras"])


def test_what_keras_writes_is_known_to_be_harmless(tmp_path: Path) -> None:
    for number, model in enumerate((network(), many_layers(), recurrent(), in_other_types())):
        path = tmp_path / f"{number}.keras"
        model.save(path)
        check_harmless(str(path), KINDS[".keras"])
        check_weights(path)


def test_the_server_itself_never_loads_tensorflow(server: Server) -> None:
    status, output, _ = server.stop()
    assert status == 0
    assert not set(output.split()) & HEAVY
