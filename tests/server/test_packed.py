"""The Open Inference Protocol with tensors in the artifact's own layout: the columns of one kind in one input."""

from __future__ import annotations

from array import array
from typing import Any

import pytest

from tests.server.running import Server
from tests.server.test_oip import INFER, binary, refused, request, texts

NUMBERS = [39.5, 40.0, 1.0, 20.0, 10.0, 0.0]
SINCE = [1_580_428_800_000_000, -(2**63)]
PACKED: list[dict[str, Any]] = [
    {"name": "times", "datatype": "INT64", "shape": [2, 1], "data": SINCE},
    {"name": "numbers", "datatype": "FP64", "shape": [2, 3], "data": NUMBERS},
    {"name": "texts", "datatype": "BYTES", "shape": [2, 1], "data": ["Private", " Önnu "]},
]


def changed(which: str, changes: dict[str, Any]) -> dict[str, Any]:
    return {"inputs": [{**tensor, **(changes if tensor["name"] == which else {})} for tensor in PACKED]}


def values(outputs: list[dict[str, Any]]) -> list[Any]:
    return [output["data"] for output in outputs]


def test_packed_tensors_are_answered_like_columns(server: Server) -> None:
    answer = server.post(INFER, {"inputs": PACKED})
    assert answer.status == 200, answer.body
    assert values(answer.json["outputs"]) == values(server.post(INFER, request()).json["outputs"])


@pytest.mark.parametrize(("datatype", "code"), [("FP64", "d"), ("FP32", "f")])
def test_packed_tensors_travel_as_binary(server: Server, datatype: str, code: str) -> None:
    parts = [
        ("numbers", datatype, [2, 3], array(code, NUMBERS).tobytes()),
        ("texts", "BYTES", [2, 1], texts(b"Private", "Önnu".encode())),
        ("times", "INT64", [2, 1], array("q", SINCE).tobytes()),
    ]
    answer = server.ask("POST", INFER, *binary(parts))
    assert answer.status == 200, answer.body
    assert values(answer.json["outputs"]) == values(server.post(INFER, request()).json["outputs"])


@pytest.mark.parametrize(
    ("name", "changes", "says"),
    [
        ("numbers", {"shape": [3, 2]}, "[batch, 3]"),
        ("numbers", {"shape": [6]}, "[batch, 3]"),
        ("numbers", {"shape": [2, 1, 3]}, "[batch, 3]"),
        ("numbers", {"shape": [0, 3], "data": []}, "0 rows"),
        ("numbers", {"datatype": "BYTES", "data": ["1"] * 6}, "a datatype of numbers"),
        ("numbers", {"data": [39.5, 40.0, 2.0, 20.0, 10.0, 0.0]}, "0 and 1"),
        ("numbers", {"data": [True] * 6}, "FP64"),
        ("texts", {"datatype": "INT64", "data": [1, 2]}, "BYTES"),
        ("texts", {"data": ["a\0", "b"]}, "NUL"),
        ("texts", {"shape": [1, 1], "data": ["a"]}, "2 rows"),
        ("times", {"datatype": "FP64", "data": [1.0, 2.0]}, "INT64"),
        ("times", {"name": "numbers"}, "once"),
        ("times", {"name": "since"}, "numbers"),
    ],
)
def test_a_packed_tensor_that_does_not_fit_is_refused(
    server: Server, name: str, changes: dict[str, Any], says: str
) -> None:
    assert says in refused(server.post(INFER, changed(name, changes)))


@pytest.mark.parametrize("place", [0, 7, 19])
def test_an_infinity_is_found_wherever_it_stands_and_enormous_numbers_pass(server: Server, place: int) -> None:
    numbers = array("d", [1e308, -1e308, float("nan"), 0.0] * 5)
    for found, status in ((numbers[place], 200), (float("inf"), 400), (float("-inf"), 400)):
        numbers[place] = found
        body, headers = binary([("rooms", "FP64", [20], numbers.tobytes())])
        assert server.ask("POST", "/v2/models/houses/infer", body, headers).status == status


def test_an_infinity_in_one_of_several_columns_is_named(server: Server) -> None:
    parts = [
        ("age", "FP64", [2], array("d", [39.5, 20.0]).tobytes()),
        ("hours-per-week", "FP32", [2], array("f", [40.0, float("inf")]).tobytes()),
        ("member", "BOOL", [2], b"\1\0"),
        ("since", "BYTES", [2], texts(b"2020-01-31", b"")),
        ("workclass", "BYTES", [2], texts(b"Private", b"Private")),
    ]
    answer = server.ask("POST", INFER, *binary(parts))
    assert "an infinity at input 'hours-per-week'" in refused(answer)


@pytest.mark.parametrize("rows", [1, 300, 20_000, 70_000])
def test_rows_are_counted_wherever_they_are_answered(server: Server, rows: int) -> None:
    def counted() -> int:
        line = 'ambidex_rows_total{model="houses"} '
        text: str = server.get("/metrics").body.decode()
        return next((int(found.removeprefix(line)) for found in text.splitlines() if found.startswith(line)), 0)

    before = counted()
    numbers = array("d", [60.0]) * rows
    answer = server.ask("POST", "/v2/models/houses/infer", *binary([("rooms", "FP64", [rows], numbers.tobytes())]))
    assert answer.status == 200, answer.body
    assert counted() == before + rows


def test_a_packed_history_keeps_its_last_steps(server: Server) -> None:
    path = "/v2/models/oil/infer"
    ports = {port["name"]: port["shape"] for port in server.get("/v2/models/oil").json["packed_inputs"]}
    assert ports == {"numbers": [-1, -1, 2], "times": [-1, -1, 1]}
    hour, steps = 3_600_000_000, 10  # two more than the model looks at
    first, second = [float(step) for step in range(steps)], [float(step * step) for step in range(steps)]
    stamps = [hour * step for step in range(steps)]
    columns = [("OT", "FP64", first), ("HUFL", "FP64", second), ("date", "INT64", stamps)]
    apart = [{"name": name, "datatype": kind, "shape": [1, steps], "data": data} for name, kind, data in columns]
    woven = [value for pair in zip(first, second, strict=True) for value in pair]
    packed = [
        {"name": "numbers", "datatype": "FP64", "shape": [1, steps, 2], "data": woven},
        {"name": "times", "datatype": "INT64", "shape": [1, steps, 1], "data": stamps},
    ]
    answer = server.post(path, {"inputs": packed})
    assert answer.status == 200, answer.body
    assert answer.json["outputs"] == server.post(path, {"inputs": apart}).json["outputs"]


def test_a_model_says_what_it_takes_packed(server: Server) -> None:
    described = server.get("/v2/models/adult").json["packed_inputs"]
    assert {port["name"]: (port["datatype"], port["shape"]) for port in described} == {
        "numbers": ("FP64", [-1, 3]),
        "texts": ("BYTES", [-1, 1]),
        "times": ("INT64", [-1, 1]),
    }
