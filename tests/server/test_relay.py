"""Requests that come through another server's door get the same answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ambidex.server.catalog import Catalog
from ambidex.server.relay import Answer, Relay
from ambidex.server.serve import Loading
from ambidex.server.service import Service
from ambidex.server.settings import Limits, Settings
from tests.server.running import Server

ROWS = json.dumps({"rows": [{"rooms": 3}]}).encode()
QUESTIONS: list[tuple[str, str, bytes]] = [
    ("POST", "/models/houses/predict", ROWS),
    ("POST", "/models/houses/predict", b"{oops"),
    ("POST", "/models/houses/predict", b'{"rows": [{"rooms": "many"}]}'),
    ("POST", "/v1/models/houses:predict", b'{"instances": [1, 2]}'),
    ("POST", "/v2/models/nope/infer", b"{}"),
    ("GET", "/v2/models/houses", b""),
    ("GET", "/v2/models/..%2f..%2fetc", b""),
    ("GET", "/openapi.json", b""),
    ("GET", "/", b""),
    ("DELETE", "/models", b""),
]


async def ask(models: Path, questions: list[tuple[str, str, bytes]], settings: Settings) -> list[Answer]:
    """The answers to questions that are asked at once."""
    repository, loader = Loading([str(models)], lambda: settings).result()
    catalog = Catalog([str(models)], repository, loader)
    service = Service(asyncio.get_running_loop(), repository, catalog, settings)
    relay = Relay(service)

    async def one(method: str, path: str, body: bytes) -> Answer:
        async def chunks() -> AsyncIterator[bytes]:
            for at in range(0, len(body), 7):
                yield body[at : at + 7]

        return await relay.answer(method, path.encode(), {b"x-request-id": b"7"}, chunks())

    try:
        return await asyncio.gather(*(one(*question) for question in questions))
    finally:
        service.plane.close()
        service.engine.close()


@pytest.mark.parametrize("is_batching", [True, False])
def test_answers_are_those_of_the_plain_server(server: Server, models: Path, is_batching: bool) -> None:
    answers = asyncio.run(ask(models, QUESTIONS, Settings(is_batching=is_batching)))
    for (method, path, body), found in zip(QUESTIONS, answers, strict=True):
        plain = server.ask(method, path, body or None, {"X-Request-Id": "7"})
        headers = {name.decode(): value.decode() for name, value in found.headers}
        framing = {"date", "content-length", "connection"}
        assert (found.status, found.body) == (plain.status, plain.body), path
        assert headers == {name: value for name, value in plain.headers.items() if name not in framing}


def test_a_body_that_is_too_large_is_refused(models: Path) -> None:
    (found,) = asyncio.run(ask(models, QUESTIONS[:1], Settings(limits=Limits(body=8))))
    assert (found.status, json.loads(found.body)["error"]["code"]) == (413, "body_too_large")
