"""A pickled classifier through every protocol, and an ONNX file: what they answer, and what they refuse."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton
from onnx import TensorProto, helper

from tests.server.foreign.models import adult_pipeline, write_obedient
from tests.server.running import Server, running

ROWS = [{"age": 50.0, "work": "a"}, {"age": 22.0, "work": "b"}]
AGES, WORKS = [row["age"] for row in ROWS], [row["work"] for row in ROWS]
INPUTS = [
    {"name": "work", "shape": [2], "datatype": "BYTES", "data": WORKS},
    {"name": "age", "shape": [2], "datatype": "FP64", "data": AGES},
]


def write_onnx(path: Path, op: str = "Add") -> Path:
    values = {
        name: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["B", 2]) for name in ("left", "right", "sum")
    }
    node = helper.make_node(op, ["left", "right"] if op == "Add" else ["left"], ["sum"])
    graph = helper.make_graph([node], "tested", [values["left"], values["right"]], [values["sum"]])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    pipeline, frame = adult_pipeline()
    table = pd.DataFrame({"age": AGES, "work": WORKS})[list(frame.columns)]
    return {"labels": pipeline.predict(table).tolist(), "probabilities": pipeline.predict_proba(table).tolist()}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("foreign")
    (folder / "adult.pkl").write_bytes(pickle.dumps(adult_pipeline()[0]))
    paths = [
        folder / "adult.pkl",
        write_obedient(folder / "obedient.joblib"),
        write_onnx(folder / "sum.onnx"),
        write_onnx(folder / "odd.onnx", "Hardmax"),
    ]
    with running(paths, {"trust": True, "grpc_port": 0, "limits": {"rows": 50}}) as started:
        yield started


def test_rows_by_name_with_probabilities_by_label(server: Server, expected: dict[str, Any]) -> None:
    answer = server.post("/models/adult/predict", {"rows": ROWS})
    assert answer.status == 200, answer.body
    for row, label, probabilities in zip(
        answer.json["predictions"], expected["labels"], expected["probabilities"], strict=True
    ):
        assert row == {"predict": label, "predict_proba": dict(zip(("old", "young"), probabilities, strict=True))}


def test_tensors_as_json_and_as_binary(server: Server, expected: dict[str, Any]) -> None:
    answer = server.post("/v2/models/adult/infer", {"inputs": INPUTS, "id": "7"}).json
    assert (answer["id"], answer["model_version"]) == ("7", "1")
    assert [(out["name"], out["datatype"], out["shape"]) for out in answer["outputs"]] == [
        ("predict", "BYTES", [2]),
        ("predict_proba", "FP64", [2, 2]),
    ]
    assert answer["outputs"][1]["data"] == [value for row in expected["probabilities"] for value in row]
    client = triton.InferenceServerClient(f"{server.host}:{server.port}")
    age, work = triton.InferInput("age", [2, 1], "FP64"), triton.InferInput("work", [2], "BYTES")
    age.set_data_from_numpy(np.array(AGES).reshape(2, 1))
    work.set_data_from_numpy(np.array(WORKS, object))
    found = client.infer("adult", [age, work])
    assert found.as_numpy("predict").astype(str).tolist() == expected["labels"]
    assert found.as_numpy("predict_proba").tolist() == expected["probabilities"]


def test_tensors_over_grpc(server: Server, expected: dict[str, Any]) -> None:
    client = triton_grpc.InferenceServerClient(server.announced["grpc"])
    metadata = client.get_model_metadata("adult")
    assert [(port.name, port.datatype, list(port.shape)) for port in metadata.inputs] == [
        ("age", "FP64", [-1]),
        ("work", "BYTES", [-1]),
    ]
    age, work = triton_grpc.InferInput("age", [2], "FP64"), triton_grpc.InferInput("work", [2], "BYTES")
    age.set_data_from_numpy(np.array(AGES))
    work.set_data_from_numpy(np.array(WORKS, object))
    wanted = [triton_grpc.InferRequestedOutput("predict_proba")]
    found = client.infer("adult", [age, work], outputs=wanted)
    assert found.as_numpy("predict_proba").tolist() == expected["probabilities"]
    assert found.as_numpy("predict") is None
    assert client.is_model_ready("adult")
    client.close()


def test_rows_and_columns_of_tensorflow_serving(server: Server, expected: dict[str, Any]) -> None:
    answer = server.post("/v1/models/adult:predict", {"instances": ROWS}).json
    assert [row["predict"] for row in answer["predictions"]] == expected["labels"]
    assert [row["predict_proba"] for row in answer["predictions"]] == expected["probabilities"]
    answer = server.post("/v1/models/adult:predict", {"inputs": {"age": AGES, "work": WORKS}}).json
    assert answer["outputs"] == {"predict": expected["labels"], "predict_proba": expected["probabilities"]}
    answer = server.post("/v1/models/obedient:predict", {"instances": [[1, 2], [3, 4]]}).json
    assert answer == {"predictions": [[2.0, 4.0], [6.0, 8.0]]}
    signature = server.get("/v1/models/adult/metadata").json["metadata"]["signature_def"]["signature_def"]
    assert signature["serving_default"]["inputs"]["work"]["dtype"] == "DT_STRING"


def test_the_description_tells_what_to_send(server: Server) -> None:
    described = server.get("/models/adult").json
    assert described["state"] == "up"
    assert described["runs_on"].startswith("scikit-learn ")
    answer = server.post("/models/adult/predict", described["example"])
    assert answer.status == 200, answer.body
    schema = server.get("/openapi.json").json["paths"]["/models/obedient/predict"]["post"]["requestBody"]["content"]
    assert "rows" in schema["application/json"]["schema"]["properties"]


@pytest.mark.parametrize(
    ("rows", "status", "code", "where"),
    [
        ([{"age": 1}], 422, "missing_column", "rows[0].work"),
        ([{"age": 1, "work": "a", "hourly wage": 2}], 422, "unknown_column", 'rows[0]["hourly wage"]'),
        ([{"age": 1, "work": "a"}, {"age": "old", "work": "a"}], 422, "wrong_type", "rows[1].age"),
        ([{"age": "old", "work": "a"}], 422, "wrong_type", "rows[0].age"),
        ([{"age": True, "work": "a"}], 422, "wrong_type", "rows[0].age"),
        ([{"age": 1, "work": 5}], 422, "wrong_type", "rows[0].work"),
        ([{"age": 1, "work": None}], 422, "wrong_type", "rows[0].work"),
        ([{"age": 1, "work": {"b64": "!"}}], 422, "wrong_type", "rows[0].work"),
        ([{"age": 1, "work": "a"}, {"age": 10**400, "work": "a"}], 422, "out_of_range", "rows[1].age"),
        ([{"age": 1, "work": [1, 2]}], 422, "wrong_shape", "rows[0].work"),
        ([{"age": 1, "work": ["a"]}, {"age": 1, "work": "a"}], 422, "wrong_shape", "rows[1].work"),
        ([{"age": 1, "work": "a"}, {"age": 1, "work": ["a"]}], 422, "wrong_type", "rows[1].work"),
        ([{"age": 1e999, "work": "a"}], 400, "malformed_json", "body"),
        ([{"age": None, "work": "a"}], 422, "refused_values", "inputs"),
        ([{"age": 1, "work": "a"}] * 51, 413, "too_many_rows", "rows"),
        ({}, 422, "wrong_type", "rows"),
    ],
)
def test_rows_that_do_not_fit_are_refused(server: Server, rows: Any, status: int, code: str, where: str) -> None:
    answer = server.post("/models/adult/predict", {"rows": rows})
    assert (answer.status, answer.json["error"]["code"], answer.json["error"]["where"]) == (status, code, where)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shape": [2, 1]}, "Expected shape [-1, 2], got [2, 1] at input 'X'."),
        ({"shape": [1, 3]}, "Expected 3 values for shape [1, 3], got 2 at input 'X'."),
        ({"data": [1, "b"]}, "Expected a number (FP64), got 'b' at input 'X'."),
        ({"data": [1, None]}, None),
        ({"name": "Y"}, "Expected one of X, got input 'Y' at inputs."),
    ],
)
def test_tensors_that_do_not_fit_are_refused(server: Server, change: dict[str, Any], message: str | None) -> None:
    tensor = {"name": "X", "shape": [1, 2], "datatype": "FP64", "data": [1, 2]} | change
    answer = server.post("/v2/models/obedient/infer", {"inputs": [tensor]})
    assert (answer.status, answer.json.get("error")) == ((400, message) if message else (200, None))


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("/models/{}/predict", {"rows": [{"age": "x", "work": "a"}]}, "a number (FP64), got 'x' at rows[0].age."),
        ("/models/{}/predict", {"rows": [{"age": 1, "work": None}]}, "a string (BYTES), got null at rows[0].work."),
        (
            "/v1/models/{}:predict",
            {"instances": [{"age": 1, "work": 5}]},
            "a string (BYTES), got 5 at instances[0].work.",
        ),
        (
            "/v1/models/{}:predict",
            {"inputs": {"age": [1, "x"], "work": WORKS}},
            "a number (FP64), got 'x' at inputs.age[1].",
        ),
        ("/v1/models/{}:predict", {"instances": [{"age": 1}]}, "an input 'work', got none at instances[0].work."),
        (
            "/v2/models/{}/infer",
            {"inputs": [INPUTS[0], INPUTS[1] | {"datatype": "BYTES", "data": ["x", "y"]}]},
            "datatype FP64, got BYTES at input 'age'.",
        ),
        (
            "/v2/models/{}/infer",
            {"inputs": [INPUTS[0] | {"datatype": "FP64", "data": [1, 2]}, INPUTS[1]]},
            "datatype BYTES, got FP64 at input 'work'.",
        ),
        (
            "/v2/models/{}/infer",
            {"inputs": [INPUTS[0] | {"data": ["a", None]}, INPUTS[1]]},
            "a string (BYTES), got null at input 'work'.",
        ),
    ],
)
def test_datatypes_are_checked_before_the_model_sees_them(server: Server, path: str, body: Any, message: str) -> None:
    answer = server.post(path.format("adult"), body)
    is_friendly = path.startswith("/models")
    assert answer.status == (422 if is_friendly else 400)
    told = answer.json["error"]["message"] if is_friendly else answer.json["error"]
    assert told == f"Expected {message}"


def test_numbers_of_other_types_are_numbers_too(server: Server, expected: dict[str, Any]) -> None:
    ages = {"name": "age", "shape": [2], "datatype": "INT64", "data": [50, 22]}
    answer = server.post("/v2/models/adult/infer", {"inputs": [INPUTS[0], ages]})
    assert answer.json["outputs"][0]["data"] == expected["labels"]


def test_an_onnx_file_runs_under_its_own_names(server: Server) -> None:
    answer = server.post("/models/sum/predict", {"rows": [{"left": [1, 2], "right": [10, 20]}]})
    assert answer.json == {"predictions": [{"sum": [11.0, 22.0]}]}
    too_large = server.post("/models/sum/predict", {"rows": [{"left": [1e39, 2], "right": [10, 20]}]})
    tensors = [{"name": name, "shape": [1, 2], "datatype": "FP64", "data": [1, 2]} for name in ("left", "right")]
    other = server.post("/v2/models/sum/infer", {"inputs": tensors})
    assert (other.status, other.json["error"]) == (400, "Expected datatype FP32, got FP64 at input 'left'.")
    assert (too_large.status, too_large.json["error"]["code"]) == (422, "out_of_range")


def test_an_onnx_file_with_other_operators_needs_trust(server: Server, tmp_path: Path) -> None:
    row = {"rows": [{"left": [7, 8], "right": [4, 5]}]}
    assert server.post("/models/odd/predict", row).json == {"predictions": [{"sum": [0.0, 1.0]}]}
    write_onnx(tmp_path / "sum.onnx")
    path = write_onnx(tmp_path / "odd.onnx", "Hardmax")
    with running([tmp_path]) as strict:
        listed = strict.get("/models").json
    assert [model["name"] for model in listed["models"]] == ["sum"]
    assert [failure["path"] for failure in listed["failures"]] == [str(path)]
    assert "'Hardmax'" in str(listed["failures"])
    assert "--trust" in str(listed["failures"])
