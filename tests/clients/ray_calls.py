"""Ray Serve on this machine gives the plain server's answers: `python -m tests.clients.ray_calls HTTP MODELS`.

Starts `ambidex serve MODELS --ray local`, asks it and the plain server at HTTP the same, and takes it down by Ctrl-C.
"""

from __future__ import annotations

import http.client
import json
import random
import signal
import subprocess
import sys

from tests.server.hostile import hostile_request

REQUESTS = 300
PAGES = ("/", "/models", "/openapi.json", "/v2/models/adult", "/v2/models/..%2f..%2fetc", "/nope")


def ask(address: str, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, str, bytes]:
    connection = http.client.HTTPConnection(address, timeout=60)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.headers["Content-Type"], answer.read()
    finally:
        connection.close()


def main(plain: str, models: str) -> None:
    command = [sys.executable, "-m", "ambidex", "serve", models, "--ray", "local", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            ray = process.stdout.readline().removeprefix("Serving http://").strip()
            assert ray, "it did not start"
            compare(plain, ray)
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(120) == 0
    print(f"Ray Serve: {REQUESTS + len(PAGES)} requests, the plain server's answers")


def compare(plain: str, ray: str) -> None:
    names = ("adult", "houses", "oil", "stores")
    known = {name: json.loads(ask(plain, "GET", f"/models/{name}", None, {})[2])["example"] for name in names}
    draw = random.Random(0)
    for _ in range(REQUESTS):
        asked = hostile_request(draw, known)
        assert ask(ray, *asked) == ask(plain, *asked), asked
    for path in PAGES:
        assert ask(ray, "GET", path, None, {}) == ask(plain, "GET", path, None, {}), path


if __name__ == "__main__":
    main(*sys.argv[1:])
