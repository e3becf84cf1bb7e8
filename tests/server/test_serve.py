"""Starting, saying so, and stopping."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import threading
from pathlib import Path

import pytest

from tests.server.models import write_houses
from tests.server.running import Server, launch, running

HEAVY = {"numpy", "torch", "tensorflow", "keras", "onnx", "pandas", "sklearn", "pyarrow", "jax", "onnxruntime"}


def test_no_heavy_library_is_loaded_from_start_to_stop(models: Path, tmp_path: Path) -> None:
    settings = {"log_requests": True, "log_predictions": str(tmp_path / "log.sqlite"), "grpc_port": 0}
    with running([models], settings) as server:
        for name in ("adult", "houses", "oil", "stores"):
            example = server.get(f"/models/{name}").json["example"]
            assert server.post(f"/models/{name}/predict", example).status == 200
        for path in ("/metrics", "/openapi.json", "/", "/models/adult/drift", "/v2/models/adult", "/v1/models/adult"):
            assert server.get(path).status == 200
        tensor = {"name": "rooms", "shape": [2], "datatype": "FP64", "data": [1, 2]}
        assert server.post("/v2/models/houses/infer", {"inputs": [tensor]}).status == 200
        for method, body in (("predict", {"instances": [{"rooms": 1}]}), ("regress", {"examples": [{"rooms": 1}]})):
            assert server.post(f"/v1/models/houses:{method}", body).status == 200
        infer_over_grpc(server.announced["grpc"])
        status, output, _ = server.stop()
    loaded = set(output.split())
    assert status == 0
    assert {"msgspec", "grpc", "sqlite3"} <= loaded
    assert not loaded & HEAVY


def infer_over_grpc(address: str) -> None:
    """A request of its own, since the usual client is made of numpy."""
    import grpc  # type: ignore[import-untyped]

    from ambidex.server.grpc_messages import SERVICE, build

    made = build()
    tensor = {"name": "rooms", "shape": [1], "datatype": "FP64", "contents": {"fp64_contents": [3.0]}}
    raw = made["ModelInferRequest"](model_name="houses", inputs=[tensor]).SerializeToString()
    with grpc.insecure_channel(address) as channel:
        answer = channel.unary_unary(f"/{SERVICE}/ModelInfer")(raw, timeout=20)
    assert made["ModelInferResponse"].FromString(answer).model_name == "houses"


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


def test_nobody_who_has_connected_is_cut_off_while_stopping(models: Path) -> None:
    lost: list[Exception] = []
    answered = [0]

    def ask_over_new_connections(server: Server) -> None:
        while True:
            connection = http.client.HTTPConnection(server.host, server.port, timeout=20)
            try:
                connection.connect()
            except OSError:
                return  # nobody listens any more
            try:
                connection.request("GET", "/v2/health/live")
                answered[0] += connection.getresponse().status == 200
            except (OSError, http.client.HTTPException) as error:
                lost.append(error)
                return
            connection.close()

    with running([models / "houses.ambidex"]) as server:
        threads = [threading.Thread(target=ask_over_new_connections, args=(server,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        while answered[0] < 100 and not lost:
            pass
        status, _, _ = server.stop()
        for thread in threads:
            thread.join(timeout=20)
    assert (status, lost) == (0, [])


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
