"""Keys, origins of other pages, and TLS."""

from __future__ import annotations

import http.client
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.running import Server, running

ROW = {"rows": [{"rooms": 1}]}
PREDICT = "/models/houses/predict"


@pytest.fixture(scope="module")
def guarded(models: Path) -> Iterator[Server]:
    with running([models], {"api_keys": ["secret", "other"], "cors_origins": ["https://page.example"]}) as started:
        yield started


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"X-API-Key": "wrong"}, 401),
        ({"X-API-Key": ""}, 401),
        ({"Authorization": "Basic secret"}, 401),
        ({"Authorization": "Bearer"}, 401),
        ({"X-API-Key": "secret"}, 200),
        ({"X-API-Key": "other"}, 200),
        ({"Authorization": "Bearer secret"}, 200),
        ({"Authorization": "bearer  secret"}, 200),
    ],
)
def test_only_a_known_key_opens(guarded: Server, headers: dict[str, str], status: int) -> None:
    answer = guarded.ask("POST", PREDICT, ROW, headers)
    assert answer.status == status
    assert ("www-authenticate" in answer.headers) is (status == 401)
    assert guarded.ask("GET", "/metrics", headers=headers).status == status


def test_health_needs_no_key(guarded: Server) -> None:
    assert guarded.get("/v2/health/ready").status == 200


@pytest.mark.parametrize("path", ["/", "/?from=mail", "/docs"])
def test_a_page_without_data_needs_no_key(guarded: Server, path: str) -> None:
    answer = guarded.get(path)
    assert answer.status == 200
    assert 'id="key"' in answer.body.decode()


@pytest.mark.parametrize("path", ["/models", "//", "/docs/", "/openapi.json", "http://host/models"])
def test_nothing_else_opens_with_the_pages(guarded: Server, path: str) -> None:
    assert guarded.get(path).status == 401


def test_a_named_origin_may_ask_and_another_may_not(guarded: Server) -> None:
    asked = {"Origin": "https://page.example", "Access-Control-Request-Method": "POST"}
    answer = guarded.ask("OPTIONS", PREDICT, headers=asked)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == "https://page.example"
    assert "X-API-Key" in answer.headers["access-control-allow-headers"]
    for status, key in ((200, "secret"), (401, "wrong")):
        answer = guarded.ask("POST", PREDICT, ROW, {"Origin": "https://page.example", "X-API-Key": key})
        assert answer.status == status
        assert answer.headers["access-control-allow-origin"] == "https://page.example"
        # What a script needs to tell a binary answer's parts, and an answer, apart.
        exposed = answer.headers["access-control-expose-headers"]
        assert exposed == "Inference-Header-Content-Length, X-Request-Id"
    answer = guarded.ask("POST", PREDICT, ROW, {"Origin": "https://evil.example", "X-API-Key": "secret"})
    assert "access-control-allow-origin" not in answer.headers


def test_no_origin_is_allowed_unless_named(server: Server) -> None:
    answer = server.ask("POST", PREDICT, ROW, {"Origin": "https://page.example"})
    assert answer.status == 200
    assert "access-control-allow-origin" not in answer.headers


def test_tls_answers_and_plain_text_does_not(models: Path, tmp_path: Path) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    try:
        subprocess.run([*make, *names], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    settings = {"tls_certificate": str(certificate), "tls_key": str(key)}
    with running([models / "houses.ambidex"], settings) as server:
        assert server.announced["url"].startswith("https://127.0.0.1:")
        port = int(server.announced["url"].rpartition(":")[2])
        trusted = ssl.create_default_context(cafile=str(certificate))
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=20, context=trusted)
        connection.request("POST", PREDICT, b'{"rows":[{"rooms":1}]}')
        assert connection.getresponse().read() == b'{"predictions":[{"price":2.0}]}'
        connection.close()
        plain = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        plain.request("GET", "/models")
        with pytest.raises((http.client.HTTPException, OSError)):
            plain.getresponse()
        plain.close()
