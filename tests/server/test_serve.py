"""Starting, saying so, and stopping."""

from __future__ import annotations

import json
import signal
import socket
import threading
from pathlib import Path

import pytest

from tests.server.models import write_houses
from tests.server.running import launch, running

HEAVY = {"numpy", "torch", "tensorflow", "keras", "onnx", "pandas", "sklearn", "pyarrow", "jax", "onnxruntime"}


def test_no_heavy_library_is_loaded_from_start_to_stop(models: Path) -> None:
    with running([models], {"log_requests": True}) as server:
        for name in ("adult", "houses", "oil", "stores"):
            example = server.get(f"/models/{name}").json["example"]
            assert server.post(f"/models/{name}/predict", example).status == 200
        server.get("/metrics")
        server.get("/v2/models/adult")
        status, output, _ = server.stop()
    loaded = set(output.split())
    assert status == 0
    assert "msgspec" in loaded
    assert not loaded & HEAVY


def test_the_announcement_names_url_and_models(models: Path) -> None:
    with running([models / "houses.ambidex", models / "oil.ambidex"]) as server:
        assert set(server.announced) == {"url", "grpc", "models"}
        assert [model["name"] for model in server.announced["models"]] == ["houses", "oil"]
        assert server.announced["grpc"] is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_the_server_with_success(models: Path, number: int) -> None:
    with running([models / "houses.ambidex"]) as server:
        server.get("/v2/health/live")
        status, _, errors = server.stop(number)
        assert (status, errors) == (0, "")


def test_no_request_is_lost_while_stopping(models: Path) -> None:
    body = json.dumps({"rows": [{"rooms": 1}]}).encode()
    request = b"POST /models/houses/predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    lost: list[bytes] = []
    answered = [0]

    def ask_until_told_to_close(connection: socket.socket) -> None:
        received = b""
        while b"Connection: close" not in received:
            connection.sendall(request)
            received = connection.recv(4096)
            if not received.startswith(b"HTTP/1.1 200"):
                lost.append(received)
                return
            answered[0] += 1

    with running([models / "houses.ambidex"]) as server:
        connections = [server.connect() for _ in range(8)]
        threads = [threading.Thread(target=ask_until_told_to_close, args=(one,)) for one in connections]
        for thread in threads:
            thread.start()
        while answered[0] < 100 and not lost:
            pass
        status, _, _ = server.stop()
        for thread in threads:
            thread.join(timeout=20)
        for connection in connections:
            connection.close()
    assert (status, lost) == (0, [])


def failure(*paths: Path, **settings: object) -> str:
    process = launch(paths, settings)
    output, errors = process.communicate(timeout=30)
    assert (process.returncode, output) == (2, "")
    assert "Traceback" not in errors
    return errors


def test_what_cannot_be_served_ends_with_one_clear_message(models: Path, tmp_path: Path) -> None:
    assert "nothing at" in failure(tmp_path / "none.ambidex")
    assert "no model" in failure(tmp_path)
    write_houses(tmp_path)
    assert "one model per name" in failure(tmp_path, models)
    broken = tmp_path / "broken.ambidex"
    broken.write_bytes(b"PK\3\4 and nothing else")
    assert "broken.ambidex" in failure(broken)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert "in use" in failure(models, port=taken.getsockname()[1])
    assert "port between" in failure(models, port=99999)
