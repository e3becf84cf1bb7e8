"""TensorFlow Serving's REST API, with requests shaped as in its documentation."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest

from tests.server.running import Server

ROW: dict[str, Any] = {"age": 39, "hours-per-week": 40, "workclass": "Private", "member": True, "since": "2020-01-31"}
ADULT = "/v1/models/adult"


def expected(server: Server, row: dict[str, Any]) -> dict[str, Any]:
    prediction: dict[str, Any] = server.post("/models/adult/predict", {"rows": [row]}).json["predictions"][0]
    return prediction


def test_rows_get_predictions(server: Server) -> None:
    other = ROW | {"age": 10, "member": False}
    answer = server.post(f"{ADULT}:predict", {"signature_name": "serving_default", "instances": [ROW, other]})
    assert answer.status == 200, answer.body
    for prediction, row in zip(answer.json["predictions"], (ROW, other), strict=True):
        wanted = expected(server, row)
        assert prediction["income"] == wanted["income"]
        assert prediction["income_probabilities"] == list(wanted["probabilities"].values())


def test_columns_get_outputs(server: Server) -> None:
    wide = {name: [[value], [value]] for name, value in ROW.items()}
    for inputs in (wide, {name: [value, value] for name, value in ROW.items()}):
        answer = server.post(f"{ADULT}/versions/1:predict", {"inputs": inputs})
        assert answer.json["outputs"]["income"] == [expected(server, ROW)["income"]] * 2


def test_one_input_and_one_output_need_no_names(server: Server) -> None:
    path = "/v1/models/houses:predict"
    assert server.post(path, {"instances": [1, 2]}).json == {"predictions": [2.0, 4.0]}
    assert server.post(path, {"instances": [[1], [2]]}).json == {"predictions": [2.0, 4.0]}
    assert server.post(path, {"inputs": [1, 2]}).json == {"outputs": [2.0, 4.0]}
    assert server.post(path, {"instances": [{"rooms": 3}]}).json == {"predictions": [6.0]}


def test_texts_may_be_base64(server: Server) -> None:
    row = ROW | {"workclass": {"b64": b64encode(b"Private").decode()}}
    (prediction,) = server.post(f"{ADULT}:predict", {"instances": [row]}).json["predictions"]
    assert prediction["income"] == expected(server, ROW)["income"]
    for broken in ("%%%", b64encode(b"\xff").decode(), 5):
        answer = server.post(f"{ADULT}:predict", {"instances": [ROW | {"workclass": {"b64": broken}}]})
        assert answer.status == 400


def test_a_classifier_classifies_examples_with_a_context(server: Server) -> None:
    context = {"member": True, "since": "2020-01-31"}
    example = {name: value for name, value in ROW.items() if name not in context}
    answer = server.post(f"{ADULT}:classify", {"context": context, "examples": [example]})
    assert dict(answer.json["results"][0]) == expected(server, ROW)["probabilities"]


def test_a_regression_regresses(server: Server) -> None:
    answer = server.post("/v1/models/houses:regress", {"examples": [{"rooms": 1}, {"rooms": 2}]})
    assert answer.json == {"results": [2.0, 4.0]}


def test_a_series_is_an_instance_of_lists(server: Server) -> None:
    stamps = [f"2024-01-01T{hour:02d}:00" for hour in range(4)]
    instance = {"date": stamps, "OT": [1, 2, 3, 4], "HUFL": [0, 0, 0, 0]}
    (prediction,) = server.post("/v1/models/oil:predict", {"instances": [instance]}).json["predictions"]
    assert prediction["OT"] == [5, 6, 7]
    assert prediction["OT_quantiles"] == [[1.5, 3.5]] * 3


def test_status_and_metadata(server: Server) -> None:
    (state,) = server.get(ADULT).json["model_version_status"]
    assert (state["version"], state["state"]) == ("1", "AVAILABLE")
    metadata = server.get(f"{ADULT}/metadata").json
    default = metadata["metadata"]["signature_def"]["signature_def"]["serving_default"]
    assert default["inputs"]["age"]["dtype"] == "DT_DOUBLE"
    assert default["outputs"]["income"]["dtype"] == "DT_STRING"


@pytest.mark.parametrize(
    ("method", "body"),
    [
        ("predict", "{oops"),
        ("predict", []),
        ("predict", {}),
        ("predict", {"instances": []}),
        ("predict", {"instances": 5}),
        ("predict", {"instances": [ROW], "inputs": {}}),
        ("predict", {"instances": [ROW], "extra": 1}),
        ("predict", {"instances": [ROW], "signature_name": "other"}),
        ("predict", {"instances": [ROW], "signature_name": ["x"]}),
        ("predict", {"instances": [ROW, {"age": 1}]}),
        ("predict", {"instances": [{"age": 1}]}),
        ("predict", {"instances": [ROW | {"agee": 1}]}),
        ("predict", {"instances": [ROW | {"age": "x"}]}),
        ("predict", {"instances": [ROW | {"age": [1, 2]}]}),
        ("predict", {"instances": [ROW | {"age": [[[[1]]]]}]}),
        ("predict", {"inputs": {"age": 5}}),
        ("predict", {"inputs": [1]}),
        ("predict", {"inputs": {"age": [[1], [2, 3]]}}),
        ("regress", {"examples": [ROW]}),
        ("classify", {}),
        ("classify", {"examples": 5}),
        ("classify", {"examples": [ROW], "context": 5}),
        ("classify", {"examples": [ROW], "context": 0}),
        ("predict", {"instances": [ROW | {"since": ""}]}),
    ],
)
def test_a_body_that_does_not_fit_is_400_in_the_protocols_shape(server: Server, method: str, body: object) -> None:
    answer = server.post(f"{ADULT}:{method}", body)
    assert (answer.status, list(answer.json)) == (400, ["error"]), answer.body


def test_a_method_is_never_part_of_a_models_name(server: Server) -> None:
    answer = server.get(f"{ADULT}:predict")
    assert (answer.status, answer.headers["allow"]) == (405, "POST")


def test_what_is_not_served_is_404(server: Server) -> None:
    for path in ("/v1/models/nope:predict", f"{ADULT}/versions/7:predict"):
        answer = server.post(path, {"instances": [ROW]})
        assert (answer.status, list(answer.json)) == (404, ["error"])
