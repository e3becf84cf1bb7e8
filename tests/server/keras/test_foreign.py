"""A Keras file and a SavedModel through the server, beside what Keras itself answers here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from ambidex.backends.keras.serving import check_safe
from ambidex.errors import BackendError
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


def test_what_does_not_fit_is_refused(server: Server) -> None:
    answer = server.post("/models/kept/predict", {"rows": [{"age": "old", "work": "b"}]})
    assert (answer.status, answer.json["error"]["code"]) == (422, "wrong_type")


def test_a_keras_file_that_holds_a_program_needs_trust(tmp_path: Path) -> None:
    layers = [keras.Input((1,)), keras.layers.Lambda(lambda x: x * 2)]
    keras.Sequential(layers).save(tmp_path / "lambda.keras")
    with running([tmp_path / "lambda.keras"]) as server:
        wait_for(server, "lambda", "broken")
        answer = server.get("/models/lambda")
        assert (answer.status, answer.json["error"]["code"]) == (503, "model_broken")


@pytest.mark.parametrize("version", ["3.8.0", "3.12.2", "3.13.0", "3.15.0"])
def test_safe_mode_is_not_believed_of_versions_with_known_holes(version: str) -> None:
    with pytest.raises(BackendError, match=r"3\.15\.1"):
        check_safe(version, "model.keras")


@pytest.mark.parametrize("version", ["3.12.3", "3.12.4", "3.15.1", "3.16.0"])
def test_safe_mode_is_believed_of_versions_without(version: str) -> None:
    check_safe(version, "model.keras")


def test_the_server_itself_never_loads_tensorflow(server: Server) -> None:
    status, output, _ = server.stop()
    assert status == 0
    assert not set(output.split()) & HEAVY
