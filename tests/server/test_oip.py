"""The Open Inference Protocol over REST: tensors by column name, as JSON and as binary."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from array import array
from typing import Any

import pytest

from tests.server.running import Answer, Server

INFER = "/v2/models/adult/infer"
ROWS: dict[str, dict[str, Any]] = {
    "age": {"datatype": "FP64", "shape": [2], "data": [39.5, 20]},
    "hours-per-week": {"datatype": "INT32", "shape": [2], "data": [40, 10]},
    "workclass": {"datatype": "BYTES", "shape": [2], "data": ["Private", "Önnu"]},
    "member": {"datatype": "BOOL", "shape": [2], "data": [True, False]},
    "since": {"datatype": "BYTES", "shape": [2], "data": ["2020-01-31", ""]},
}


def request(changes: dict[str, dict[str, Any]] | None = None, **members: Any) -> dict[str, Any]:
    inputs = [{"name": name, **ROWS[name], **(changes or {}).get(name, {})} for name in reversed(ROWS)]
    return {"inputs": inputs, **members}


def refused(answer: Answer) -> str:
    assert answer.status == 400, answer.body
    assert list(answer.json) == ["error"]
    message: str = answer.json["error"]
    return message


def expected_labels(server: Server) -> list[str]:
    rows = [
        {"age": 39.5, "hours-per-week": 40, "workclass": "Private", "member": True, "since": "2020-01-31"},
        {"age": 20, "hours-per-week": 10, "workclass": "Önnu", "member": False, "since": None},
    ]
    predictions = server.post("/models/adult/predict", {"rows": rows}).json["predictions"]
    return [prediction["income"] for prediction in predictions]


def test_columns_in_any_order_are_answered_like_rows(server: Server) -> None:
    answer = server.post(INFER, request(id="abc"))
    assert answer.status == 200, answer.body
    assert {name: answer.json[name] for name in ("model_name", "model_version", "id")} == {
        "model_name": "adult",
        "model_version": "1",
        "id": "abc",
    }
    label, probabilities = answer.json["outputs"]
    assert label == {"name": "income", "datatype": "BYTES", "shape": [2], "data": expected_labels(server)}
    assert (probabilities["name"], probabilities["datatype"], probabilities["shape"]) == (
        "income_probabilities",
        "FP64",
        [2, 2],
    )
    assert sum(probabilities["data"]) == pytest.approx(2)


def test_columns_of_width_one_come_back_so(server: Server) -> None:
    wide = {name: {"shape": [2, 1], "data": [[value] for value in part["data"]]} for name, part in ROWS.items()}
    answer = server.post(INFER, request(wide, outputs=[{"name": "income"}]))
    assert [output["shape"] for output in answer.json["outputs"]] == [[2, 1]]
    assert answer.json["outputs"][0]["data"] == expected_labels(server)


@pytest.mark.parametrize(
    ("datatype", "data"),
    [
        ("FP32", [39.5, 20]),
        ("INT8", [39, 20]),
        ("INT64", [39, 20]),
        ("UINT8", [39, 20]),
        ("UINT64", [39, 20]),
        ("BOOL", [True, False]),
        ("BYTES", ["39.5", ""]),
    ],
)
def test_numbers_come_as_any_numeric_type_or_text(server: Server, datatype: str, data: list[object]) -> None:
    assert server.post(INFER, request({"age": {"datatype": datatype, "data": data}})).status == 200


def test_times_come_as_text_or_microseconds(server: Server) -> None:
    stamps = {"since": {"datatype": "INT64", "data": [1_580_428_800_000_000, -(2**63)]}}
    first, second = server.post(INFER, request(stamps)).json, server.post(INFER, request()).json
    assert first == second


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"age": {"data": [1]}}, "2 values for shape [2], got 1"),
        ({"age": {"shape": [3], "data": [1, 2, 3]}}, "3 rows as in 'age', got 2"),
        ({"age": {"shape": [-2]}}, "negative"),
        ({"age": {"shape": [2, 2], "data": [1, 2, 3, 4]}}, "[batch, 1]"),
        ({"age": {"shape": [2**70]}}, ""),
        ({"age": {"datatype": "FP33"}}, "Did you mean 'FP32'?"),
        ({"age": {"data": ["x", "y"]}}, "got 'x'"),
        ({"age": {"data": [1, None]}}, "got null"),
        ({"age": {"data": [True, False]}}, "got true"),
        ({"age": {"data": [[1, 2], 3]}}, "lists of one depth"),
        ({"age": {"data": {}}}, "a list as data, got an object"),
        ({"age": {"data": None}}, "a list as data, got none"),
        ({"age": {"datatype": "INT64", "data": [1.5, 2]}}, "values of INT64"),
        ({"age": {"datatype": "INT8", "data": [1, 300]}}, "values of INT8"),
        ({"age": {"datatype": "UINT8", "data": [-1, 3]}}, "values of UINT8"),
        ({"age": {"datatype": "BYTES", "data": ["x", "1"]}}, "a number for column 'age'"),
        ({"member": {"datatype": "INT8", "data": [2, 1]}}, "0 and 1"),
        ({"workclass": {"datatype": "INT8", "data": [2, 1]}}, "datatype BYTES"),
        ({"workclass": {"data": ["a\0b", "c"]}}, "NUL"),
        ({"since": {"datatype": "FP64", "data": [2, 1]}}, "INT64 or BYTES"),
        ({"since": {"data": ["soon", ""]}}, "ISO 8601"),
        ({"age": {"name": "agee"}}, "Did you mean 'age'?"),
        ({"age": {"name": "member"}}, "each input once"),
        ({"age": {"parameters": {"binary_data_size": 16}}}, "binary data"),
        ({"age": {"data": None, "parameters": {"binary_data_size": 16}}}, "binary data"),
        ({"age": {"data": None, "parameters": {"binary_data_size": -1}}}, "binary data"),
        ({"age": {"data": None, "parameters": {"binary_data_size": "x"}}}, "binary data"),
    ],
)
def test_a_tensor_that_does_not_fit_is_refused(server: Server, changes: dict[str, Any], says: str) -> None:
    assert says in refused(server.post(INFER, request(changes)))


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("", "JSON"),
        ("{oops", "JSON"),
        ("[" * 5000 + "]" * 5000, "nested too deeply"),
        ("{}", "inputs"),
        ("[]", "object"),
        ('{"inputs": [{}]}', "name"),
        ('{"inputs": []}', "an input 'age'"),
        (json.dumps(request()).replace("39.5", "NaN"), "JSON"),
        (json.dumps(request()).replace("39.5", "1e999"), "float64"),
        (json.dumps(request(outputs=[{"name": "incom"}])), "Did you mean 'income'?"),
        (json.dumps(request(outputs=[{"name": "income", "parameters": {"binary_data": 1}}])), "true or false"),
        (json.dumps(request(id=5)), "str"),
    ],
)
def test_a_request_of_another_form_is_refused(server: Server, body: str, says: str) -> None:
    assert says in refused(server.post(INFER, body))


def test_errors_outside_the_body_keep_the_protocols_shape(server: Server) -> None:
    for method, path, status in (
        ("POST", "/v2/models/nope/infer", 404),
        ("POST", "/v2/models/adult/versions/9/infer", 404),
        ("GET", INFER, 405),
        ("GET", "/v2/nowhere", 404),
    ):
        answer = server.ask(method, path)
        assert (answer.status, list(answer.json)) == (status, ["error"])


def binary(
    parts: list[tuple[str, str, list[int], bytes]], tail: bytes = b"", **members: Any
) -> tuple[bytes, dict[str, str]]:
    """Body and headers of a request whose inputs are all binary."""
    inputs = [
        {"name": name, "datatype": datatype, "shape": shape, "parameters": {"binary_data_size": len(raw)}}
        for name, datatype, shape, raw in parts
    ]
    head = json.dumps({"inputs": inputs, **members}).encode()
    return head + b"".join(raw for *_, raw in parts) + tail, {"Inference-Header-Content-Length": str(len(head))}


def texts(*values: bytes) -> bytes:
    return b"".join(struct.pack("<I", len(value)) + value for value in values)


PARTS = [
    ("age", "FP32", [2], array("f", [39.5, 20]).tobytes()),
    ("hours-per-week", "INT16", [2], array("h", [40, 10]).tobytes()),
    ("workclass", "BYTES", [2], texts(b"Private", "Önnu".encode())),
    ("member", "BOOL", [2], b"\1\0"),
    ("since", "INT64", [2], array("q", [1_580_428_800_000_000, -(2**63)]).tobytes()),
]


def test_binary_tensors_give_the_same_answer_and_come_back_binary(server: Server) -> None:
    plain = server.post(INFER, request()).json["outputs"]
    body, headers = binary(PARTS, parameters={"binary_data_output": True})
    answer = server.ask("POST", INFER, body, headers)
    assert answer.status == 200, answer.body
    size = int(answer.headers["inference-header-content-length"])
    label, probabilities = json.loads(answer.body[:size])["outputs"]
    first = label["parameters"]["binary_data_size"]
    blob = answer.body[size:]
    assert blob[:first] == texts(*(text.encode() for text in plain[0]["data"]))
    assert array("d", blob[first:]).tolist() == plain[1]["data"]
    assert len(blob) == first + probabilities["parameters"]["binary_data_size"]


def test_one_output_may_be_binary_and_another_not(server: Server) -> None:
    wanted = [{"name": "income"}, {"name": "income_probabilities", "parameters": {"binary_data": True}}]
    answer = server.post(INFER, request(outputs=wanted))
    size = int(answer.headers["inference-header-content-length"])
    outputs = json.loads(answer.body[:size])["outputs"]
    assert "data" in outputs[0]
    assert "data" not in outputs[1]
    assert len(answer.body) - size == 32


def test_missing_numbers_travel_as_nan(server: Server) -> None:
    raw = array("d", [float("nan"), 2.0]).tobytes()
    body, headers = binary([("rooms", "FP64", [2, 1], raw)])
    (price,) = server.ask("POST", "/v2/models/houses/infer", body, headers).json["outputs"]
    assert price["data"] == [None, 4.0]


@pytest.mark.parametrize(
    ("raw", "datatype", "says"),
    [
        (b"\0" * 15, "FP64", "16 bytes of FP64"),
        (array("d", [1, float("inf")]).tobytes(), "FP64", "finite"),
        (array("f", [1, float("-inf")]).tobytes(), "FP32", "finite"),
        (texts(b"1"), "BYTES", "2 texts"),
        (texts(b"1", b"\xff"), "BYTES", "UTF-8"),
        (b"\xff\xff\xff\xff1", "BYTES", "past the end"),
        (b"\1\0", "BYTES", "length before"),
    ],
)
def test_binary_contents_that_do_not_fit_are_refused(server: Server, raw: bytes, datatype: str, says: str) -> None:
    body, headers = binary([("rooms", datatype, [2], raw)])
    assert says in refused(server.ask("POST", "/v2/models/houses/infer", body, headers))


@pytest.mark.parametrize("length", ["-1", "x", "99999999", "9" * 40, ""])
def test_a_header_length_that_cannot_be_meant_is_refused(server: Server, length: str) -> None:
    body, _ = binary(PARTS)
    refused(server.ask("POST", INFER, body, {"Inference-Header-Content-Length": length}))


def test_bytes_left_over_are_refused(server: Server) -> None:
    body, headers = binary(PARTS, tail=b"more")
    assert "4 bytes more" in refused(server.ask("POST", INFER, body, headers))


def test_a_forecast_takes_windows_and_keeps_the_last_steps(server: Server) -> None:
    def window(steps: int) -> dict[str, Any]:
        stamps = [f"2024-01-01T{hour:02d}:00" for hour in range(steps)] * 2
        values = [float(step) for step in range(steps)] + [100.0 + step for step in range(steps)]
        return {
            "inputs": [
                {"name": "OT", "datatype": "FP64", "shape": [2, steps], "data": values},
                {"name": "HUFL", "datatype": "FP64", "shape": [2, steps], "data": values},
                {"name": "date", "datatype": "BYTES", "shape": [2, steps], "data": stamps},
            ]
        }

    answer = server.post("/v2/models/oil/infer", window(10))
    outputs = {output["name"]: output for output in answer.json["outputs"]}
    assert outputs["OT"]["shape"] == [2, 3]
    assert outputs["OT"]["data"] == [10, 11, 12, 110, 111, 112]
    assert outputs["OT_quantiles"]["shape"] == [2, 3, 2]
    assert outputs["OT_quantiles"]["data"][:2] == [4.5, 6.5]
    assert "at least 4 steps" in refused(server.post("/v2/models/oil/infer", window(3)))


@pytest.mark.parametrize(("at", "stamp"), [(0, ""), (0, "2024-01-01T09:00"), (2, "2024-01-01T01:00"), (3, "")])
def test_times_that_do_not_rise_are_refused(server: Server, at: int, stamp: str) -> None:
    stamps = [f"2024-01-01T{hour:02d}:00" for hour in range(5)]
    good, bad = stamps * 2, [*stamps, *stamps[:at], stamp, *stamps[at + 1 :]]
    values = {"OT": [1.0] * 10, "HUFL": [2.0] * 10}
    for times, status in ((good, 200), (bad, 400)):
        inputs = [{"name": name, "datatype": "FP64", "shape": [2, 5], "data": data} for name, data in values.items()]
        inputs.append({"name": "date", "datatype": "BYTES", "shape": [2, 5], "data": times})
        answer = server.post("/v2/models/oil/infer", {"inputs": inputs})
        assert answer.status == status, answer.body
    assert "times that rise from step to step" in answer.json["error"]
    assert "input 'date', series 1, step" in answer.json["error"]


def test_packed_times_have_to_rise_too(server: Server) -> None:
    hour = 3_600_000_000
    for stamps, status in (([0, hour, 2 * hour, 3 * hour], 200), ([0, hour, hour, 3 * hour], 400)):
        inputs = [
            {"name": "numbers", "datatype": "FP64", "shape": [1, 4, 2], "data": [1.0] * 8},
            {"name": "times", "datatype": "INT64", "shape": [1, 4, 1], "data": stamps},
        ]
        answer = server.post("/v2/models/oil/infer", {"inputs": inputs})
        assert answer.status == status, answer.body
    assert "series 0, step 2" in answer.json["error"]


def test_a_known_future_has_its_own_name(server: Server) -> None:
    inputs = [
        {"name": "sold", "datatype": "FP64", "shape": [1, 2], "data": [1, 5]},
        {"name": "holiday", "datatype": "FP64", "shape": [1, 2], "data": [0, 0]},
        {"name": "future_holiday", "datatype": "BOOL", "shape": [1, 2], "data": [False, True]},
        {"name": "size", "datatype": "FP64", "shape": [1], "data": [100]},
    ]
    assert server.post("/v2/models/stores/infer", {"inputs": inputs}).json["outputs"][0]["data"] == [105, 115]


def test_a_model_describes_itself(server: Server) -> None:
    metadata = server.get("/v2/models/adult").json
    assert {port["name"]: (port["datatype"], port["shape"]) for port in metadata["inputs"]} == {
        "age": ("FP64", [-1, 1]),
        "hours-per-week": ("FP64", [-1, 1]),
        "workclass": ("BYTES", [-1, 1]),
        "member": ("FP64", [-1, 1]),
        "since": ("INT64", [-1, 1]),
    }
    assert metadata["outputs"][1] == {"name": "income_probabilities", "datatype": "FP64", "shape": [-1, 2]}
    config = server.get("/v2/models/adult/versions/1/config").json
    assert config["max_batch_size"] > 0
    assert {port["name"]: port["data_type"] for port in config["input"]}["workclass"] == "TYPE_STRING"


def test_statistics_count(server: Server) -> None:
    def counts() -> tuple[int, int, int]:
        (stats,) = server.get("/v2/models/houses/stats").json["model_stats"]
        return stats["inference_count"], stats["execution_count"], stats["inference_stats"]["fail"]["count"]

    before = counts()
    server.post(
        "/v2/models/houses/infer", {"inputs": [{"name": "rooms", "datatype": "FP64", "shape": [3], "data": [1, 2, 3]}]}
    )
    server.post("/v2/models/houses/infer", {"inputs": []})
    assert [now - then for now, then in zip(counts(), before, strict=True)] == [3, 1, 1]


TRITON_CLIENT = """
import sys
import numpy as np
import tritonclient.http as triton

client = triton.InferenceServerClient(sys.argv[1])
assert client.is_server_live() and client.is_server_ready() and client.is_model_ready("adult")
assert client.get_server_metadata()["name"] == "ambidex"
assert client.get_model_metadata("adult")["inputs"]
assert client.get_model_config("adult")["max_batch_size"]
columns = [
    ("age", "FP32", np.array([39, 20], np.float32)),
    ("hours-per-week", "INT64", np.array([40, 10])),
    ("workclass", "BYTES", np.array(["Private", "x"], object)),
    ("member", "BOOL", np.array([True, False])),
    ("since", "BYTES", np.array(["2020-01-31", ""], object)),
]
seen = []
for is_binary in (True, False):
    inputs = []
    for name, datatype, values in columns:
        one = triton.InferInput(name, list(values.shape), datatype)
        one.set_data_from_numpy(values, binary_data=is_binary)
        inputs.append(one)
    wanted = [triton.InferRequestedOutput(name, binary_data=is_binary) for name in ("income", "income_probabilities")]
    for outputs in (None, wanted):
        result = client.infer("adult", inputs, outputs=outputs, request_id="7")
        assert result.get_response()["id"] == "7"
        labels = [text.decode() if isinstance(text, bytes) else text for text in result.as_numpy("income")]
        seen.append((labels, result.as_numpy("income_probabilities").round(9).tolist()))
assert all(one == seen[0] for one in seen), seen
assert client.get_inference_statistics("adult")["model_stats"][0]["inference_count"] >= 8
try:
    client.infer("nope", inputs)
except triton.InferenceServerException as error:
    assert "got model 'nope'" in str(error), error
else:
    raise AssertionError("an unknown model was answered")
print("as", *seen[0][0])
"""


def test_the_triton_client_works_unchanged(server: Server) -> None:
    pytest.importorskip("geventhttpclient", reason="tritonclient[http] is not installed")
    command = [sys.executable, "-c", TRITON_CLIENT, f"{server.host}:{server.port}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["as", *expected_labels(server)]


def test_a_large_request_gets_only_the_outputs_it_asks_for(server: Server) -> None:
    rows = 9000
    columns: list[tuple[str, str, object]] = [
        ("age", "FP64", 39.5),
        ("hours-per-week", "FP64", 40.5),
        ("workclass", "BYTES", "Private"),
        ("member", "BOOL", True),
        ("since", "BYTES", "2020-01-31"),
    ]
    inputs = [
        {"name": name, "datatype": kind, "shape": [rows], "data": [value] * rows} for name, kind, value in columns
    ]
    both = server.post("/v2/models/adult/infer", {"inputs": inputs}).json["outputs"]
    for wanted in both:
        asked = {"inputs": inputs, "outputs": [{"name": wanted["name"]}]}
        assert server.post("/v2/models/adult/infer", asked).json["outputs"] == [wanted]
