"""What awkward clients get: an answer below 500 in valid JSON, or 503 with a time to come back."""

from __future__ import annotations

import json
import random
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.server.hostile import check, examples, hostile_request
from tests.server.running import Answer, Server, running

INFER = "/v2/models/houses/infer"


def tensor(**changes: Any) -> dict[str, Any]:
    return {"inputs": [{"name": "rooms", "shape": [2, 1], "datatype": "FP64", "data": [1.5, 2]} | changes]}


# What others' servers answer with 500, with invalid JSON, or with success although nothing fits.
QUESTIONS: list[tuple[str, str, object, int]] = [
    ("GET", "/v2/health/live", None, 200),
    ("GET", "/v2/health/ready", None, 200),
    ("GET", "/v2", None, 200),
    ("GET", "/v2/models/houses", None, 200),
    ("GET", "/v2/models/houses/ready", None, 200),
    ("GET", "/metrics", None, 200),
    ("POST", INFER, tensor(), 200),
    ("POST", INFER, tensor() | {"id": "abc"}, 200),
    ("POST", INFER, tensor(data=[[1.5], [2]]), 200),
    ("POST", "/v2/models/houses/versions/1/infer", tensor(), 200),
    ("POST", INFER, tensor(datatype="INT64", data=[1, 2]), 200),
    ("POST", INFER, tensor(data=[None, 1]), 400),
    ("POST", "/v2/models/nope/infer", tensor(), 404),
    ("POST", "/v2/models/houses/versions/2/infer", tensor(), 404),
    ("POST", INFER, "{oops", 400),
    ("POST", INFER, "", 400),
    ("POST", INFER, {}, 400),
    ("POST", INFER, tensor(name="zzz"), 400),
    ("POST", INFER, tensor(shape=[2, 2], data=[1, 2, 3, 4]), 400),
    ("POST", INFER, tensor(shape=[3, 1]), 400),
    ("POST", INFER, tensor(datatype="FP33"), 400),
    ("POST", INFER, tensor(data=["many", "few"]), 400),
    ("POST", INFER, json.dumps(tensor()).replace("1.5", "NaN"), 400),
    ("POST", INFER, json.dumps(tensor()).replace("1.5", "1e999"), 400),
    ("POST", INFER, tensor(shape=[0, 1], data=[]), 400),
    ("POST", INFER, tensor(shape=[-2, 1]), 400),
    ("POST", INFER, "[" * 5000 + "]" * 5000, 400),
    ("GET", INFER, None, 405),
    ("GET", "/v2/models/..%2f..%2fetc%2fpasswd", None, 404),
]


@pytest.mark.parametrize(("method", "path", "body", "status"), QUESTIONS)
def test_awkward_questions_get_the_right_status(
    server: Server, method: str, path: str, body: object, status: int
) -> None:
    answer = server.ask(method, path, body)
    assert answer.status == status, answer.body
    if path != "/metrics" and answer.body:
        document = answer.json
        assert status < 400 or isinstance(document["error"], str)


DEEP = "[" * 5000 + "]" * 5000
# The same mistakes in the other two protocols: the one row that is sent, and the status of each.
ELSEWHERE: list[tuple[str, int, int]] = [
    ('{"rooms": 1.5}', 200, 200),
    ('{"rooms": 2}', 200, 200),
    ('{"rooms": null}', 200, 200),
    ('{"rooms": 1}, {"rooms": 2}', 200, 200),
    ('{"rooms": "many"}', 422, 400),
    ('{"rooms": true}', 422, 400),
    ('{"rooms": [1, 2]}', 422, 400),
    ('{"rooms": {}}', 422, 400),
    ('{"rooms": NaN}', 400, 400),
    ('{"rooms": Infinity}', 400, 400),
    ('{"rooms": 1e999}', 422, 400),
    (f'{{"rooms": {DEEP}}}', 400, 400),
    ('{"zzz": 1}', 422, 400),
    ('{"rooms": 1, "zzz": 1}', 422, 400),
    ('{"rooms": 1}, {"zzz": 1}', 422, 400),
    ("{}", 422, 400),
    ('"text"', 422, 400),
    ("", 200, 400),
    ("oops", 400, 400),
    ('{"rooms": 1}]', 400, 400),
]
WHOLE: list[tuple[str, int, int]] = [
    ("", 400, 400),
    ("{oops", 400, 400),
    ("{}", 422, 400),
    ("[]", 422, 400),
    ("null", 422, 400),
    (DEEP, 400, 400),
]


@pytest.mark.parametrize(("row", "friendly", "tensorflow"), ELSEWHERE)
def test_the_same_mistakes_in_the_other_protocols(server: Server, row: str, friendly: int, tensorflow: int) -> None:
    check_both(server, (f'{{"rows": [{row}]}}', f'{{"instances": [{row}]}}'), friendly, tensorflow)


@pytest.mark.parametrize(("body", "friendly", "tensorflow"), WHOLE)
def test_bodies_of_another_form_in_the_other_protocols(
    server: Server, body: str, friendly: int, tensorflow: int
) -> None:
    check_both(server, (body, body), friendly, tensorflow)


def check_both(server: Server, bodies: tuple[str, str], friendly: int, tensorflow: int) -> None:
    ours = server.ask("POST", "/models/houses/predict", bodies[0])
    theirs = server.ask("POST", "/v1/models/houses:predict", bodies[1])
    assert (ours.status, theirs.status) == (friendly, tensorflow), (ours.body, theirs.body)
    assert friendly == 200 or ours.json["error"]["message"].startswith("Expected ")
    assert tensorflow == 200 or isinstance(theirs.json["error"], str)


@pytest.mark.parametrize("path", ["/models/{}/predict", "/v1/models/{}:predict"])
@pytest.mark.parametrize("model", ["nope", "houses/versions/2", "..%2f..%2fetc%2fpasswd"])
def test_what_is_not_served_is_404_in_the_other_protocols(server: Server, path: str, model: str) -> None:
    assert server.post(path.format(model), {"rows": [{"rooms": 1}]}).status == 404
    assert server.get(path.format("houses")).status == 405


@pytest.fixture(scope="module")
def known(server: Server) -> dict[str, Any]:
    return examples(server)


@settings(
    max_examples=400, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(draw=st.randoms(use_true_random=False))
def test_requests_that_nearly_fit_never_fail_the_server(
    server: Server, known: dict[str, Any], draw: random.Random
) -> None:
    asked = hostile_request(draw, known)
    check(asked, server.ask(asked.method, asked.path, asked.body, asked.headers))


def test_under_overload_clients_are_told_when_to_come_back(models: Path) -> None:
    body = json.dumps({"rows": [{"rooms": 1}] * 60_000}).encode()
    answers: list[tuple[Answer, float]] = []

    def ask(server: Server) -> None:
        began = time.perf_counter()
        answers.append((server.ask("POST", "/models/houses/predict", body), time.perf_counter() - began))

    with running([models / "houses.ambidex"], {"workers": 1, "limits": {"waiting": 1}}) as server:
        threads = [threading.Thread(target=ask, args=(server,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        assert server.get("/v2/health/live").status == 200
        for thread in threads:
            thread.join()
        assert server.post("/models/houses/predict", {"rows": [{"rooms": 1}]}).status == 200
    statuses = {answer.status for answer, _ in answers}
    assert statuses == {200, 503}
    for answer, _ in answers:
        if answer.status == 503:
            assert answer.headers["retry-after"] == "1"
            assert answer.json["error"]["code"] == "overloaded"
