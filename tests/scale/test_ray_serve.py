"""What is said where Ray Serve cannot be used; the rest needs Ray and is run by `make test-clients`."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from ambidex.errors import BackendError, UsageError
from ambidex.scale import ray_serve
from ambidex.server.settings import Settings


@pytest.fixture(autouse=True)
def ray_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_serve, "find_spec", lambda name: object())


def refused(paths: list[Path], address: str, settings: Settings | None = None) -> str:
    with pytest.raises(UsageError) as caught:
        ray_serve.serve_on_ray(
            list(map(str, paths)), address=address, replicas=1, settings=settings or Settings(port=0)
        )
    return str(caught.value)


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_serve, "find_spec", lambda name: None)
    with pytest.raises(BackendError, match=r"pip install 'ambidex\[ray\]'"):
        ray_serve.serve_on_ray([], address="local", replicas=1, settings=Settings())


def test_settings_of_a_single_server_are_refused() -> None:
    assert "--grpc-port" in refused([], "local", Settings(grpc_port=0))
    assert "--allow-control" in refused([], "local", Settings(allow_control=True))
    assert "--processes" in refused([], "local", Settings(processes=2))


def test_an_address_that_cannot_be_meant_or_does_not_answer_is_named(tmp_path: Path) -> None:
    from tests.server.models import write_houses

    model = write_houses(tmp_path)
    assert "got somewhere" in refused([model], "somewhere")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert "a Ray cluster that answers" in refused([model], f"127.0.0.1:{port}")
    assert "a Ray cluster that answers" in refused([model], f"ray://127.0.0.1:{port}")
