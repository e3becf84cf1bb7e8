"""A server in its own process, and a client that speaks plain HTTP to it."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import ambidex

SOURCE = Path(ambidex.__file__).parent.parent
ROOT = Path(__file__).parents[2]
"""Where a pickle finds the functions of tests that it names."""
SCRIPT = """
import json, sys
import msgspec
from ambidex.errors import AmbidexError
from ambidex.server import serve
from ambidex.server.settings import Settings
try:
    settings = msgspec.convert(json.loads(sys.argv[1]), Settings)
    serve(sys.argv[2:], port=settings.port, grpc_port=settings.grpc_port, json_output=True, settings=settings)
    if settings.log_requests:
        print(*sorted({name.partition(".")[0] for name in sys.modules}))
except AmbidexError as error:
    print(error, file=sys.stderr)
    sys.exit(error.exit_status)
"""


class Answer(NamedTuple):
    """A response; `json` is its body where it is JSON."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        def refuse(word: str) -> None:
            raise AssertionError(f"{word} is not JSON")

        return json.loads(self.body, parse_constant=refuse)


class Server:
    """A started server."""

    def __init__(self, process: subprocess.Popen[str], announced: dict[str, Any]) -> None:
        self.process = process
        self.announced = announced
        host, _, port = announced["url"].removeprefix("http://").rpartition(":")
        self.host, self.port = host, int(port)

    def ask(self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> Answer:
        """One request over its own connection; objects are sent as JSON, bytes and text as they are."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=20)
        raw = body if body is None or isinstance(body, (bytes, str)) else json.dumps(body)
        try:
            connection.request(method, path, raw.encode() if isinstance(raw, str) else raw, dict(headers or {}))
            response = connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def get(self, path: str) -> Answer:
        return self.ask("GET", path)

    def post(self, path: str, body: object) -> Answer:
        return self.ask("POST", path, body)

    def connect(self) -> socket.socket:
        """A raw connection."""
        return socket.create_connection((self.host, self.port), timeout=20)

    def send(self, raw: bytes) -> bytes:
        """Everything the server says to these bytes until it ends the connection."""
        with self.connect() as connection:
            connection.sendall(raw)
            return read_all(connection)

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str, str]:
        """Exit status, the rest of standard output, and standard error."""
        self.process.send_signal(number)
        output, errors = self.process.communicate(timeout=30)
        return self.process.returncode, output, errors


def read_all(connection: socket.socket) -> bytes:
    """What comes until the other side is done."""
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


def launch(paths: Sequence[Path], settings: Mapping[str, object] | None = None) -> subprocess.Popen[str]:
    """Starts the process, without waiting for it."""
    command = [sys.executable, "-c", SCRIPT, json.dumps({"port": 0, **(settings or {})}), *map(str, paths)]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (SOURCE, ROOT)))}
    return subprocess.Popen(command, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@contextmanager
def running(paths: Sequence[Path], settings: Mapping[str, object] | None = None) -> Iterator[Server]:
    """A server for the length of a block."""
    process = launch(paths, settings)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line:
            raise AssertionError(f"the server did not start: {process.communicate(timeout=20)[1]}")
        yield Server(process, json.loads(line))
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=20)
