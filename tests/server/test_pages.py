"""The pages for people and the description for machines."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from urllib.parse import unquote

import pytest

from ambidex.server.router import PROTOCOLS
from tests.server.models import write_houses
from tests.server.running import Server, running

VERBS = {"get", "post"}
FOR_PEOPLE = {"/", "/docs", "/v2/"}


def test_the_page_is_one_file_that_asks_nobody_else(server: Server) -> None:
    answer = server.get("/")
    page = answer.body.decode()
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert not re.findall(r"(?:src|href)=[\"']?(?:https?:)?//", page)
    assert set(re.findall(r"https?://[^\"')\s]*", page)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xhtml",
    }


def test_every_control_of_the_page_has_a_name(server: Server) -> None:
    page = server.get("/").body.decode()
    labelled = set(re.findall(r'<label for="([^"]+)"', page))
    for identifier in re.findall(r'<(?:select|textarea) id="([^"]+)"', page):
        assert identifier in labelled
    assert 'name="viewport"' in page
    assert "prefers-color-scheme: dark" in page


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_a_browser_that_has_the_page_is_told_so(server: Server, path: str) -> None:
    tag = server.get(path).headers["etag"]
    again = server.ask("GET", path, headers={"If-None-Match": tag})
    assert (again.status, again.body) == (304, b"")


def test_what_is_described_is_served(server: Server) -> None:
    document = server.get("/openapi.json").json
    assert document["openapi"].startswith("3.")
    operations = set()
    for path, verbs in document["paths"].items():
        for verb, operation in verbs.items():
            assert verb in VERBS
            operations.add(operation["operationId"])
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            answer = server.ask(verb.upper(), path, body.get("example"))
            assert answer.status == 200 or "example" not in body
            assert str(answer.status) in operation["responses"]
    assert {"predict_adult", "predict_oil", "infer_houses", "metrics"} <= operations


def test_what_is_served_is_described(server: Server) -> None:
    routes = [route for module in set(PROTOCOLS.values()) for route in import_module(module).ROUTES]
    described = server.get("/openapi.json").json["paths"]
    for method, pattern, _ in routes:
        if pattern in FOR_PEOPLE:
            continue
        name = "houses" if pattern.endswith(":regress") else "adult"
        path = pattern if "/repository/" in pattern else pattern.format(model=name, version=1)
        assert method.lower() in described[path], pattern


def test_a_request_schema_names_every_column(server: Server) -> None:
    paths = server.get("/openapi.json").json["paths"]
    content = paths["/models/adult/predict"]["post"]["requestBody"]["content"]["application/json"]
    row = content["schema"]["properties"]["rows"]["items"]
    assert set(row["required"]) == {"age", "hours-per-week", "workclass", "member", "since"}
    assert row["additionalProperties"] is False


@pytest.mark.parametrize("name", ["haus & höhle", "it's a&b?c#d%", "{model} (1)", "a%20b+c"])
def test_a_name_with_odd_letters_is_served_and_described(tmp_path: Path, name: str) -> None:
    write_houses(tmp_path, name)
    with running([tmp_path]) as server:
        listed = server.get("/models").json["models"][0]
        assert listed["name"] == name
        assert unquote(listed["predict"]) == f"/models/{name}/predict"
        assert listed["predict"] in server.get("/openapi.json").json["paths"]
        answer = server.post(listed["predict"], {"rows": [{"rooms": 1}]})
        assert answer.json == {"predictions": [{"price": 2.0}]}
        described = [path for path in server.get("/openapi.json").json["paths"] if name in unquote(path)]
        assert len(described) > 10
        assert {server.get(path).status for path in described} == {200, 405}
