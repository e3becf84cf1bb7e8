"""Asks for more than can be answered: how soon those who cannot be served are told so, and whether others still are.

    python -m benchmarks.serving.overload [SECONDS]

Clients keep sending requests of thousands of rows to a server with two threads and eight places to wait. Ends with 1 if
a refusal took more than 50 ms for one in a hundred, came without Retry-After, or if any answer was neither 200 nor 503.
"""

from __future__ import annotations

import http.client
import json
import sys
import tempfile
import threading
import time
from pathlib import Path

from tests.server.models import write_houses
from tests.server.running import Server, running

CLIENTS = 24
ROWS = 5000
LIMIT_MS = 50.0
BODY = json.dumps({"rows": [{"rooms": 1}] * ROWS}).encode()


class Client(threading.Thread):
    """Asks again as soon as it has an answer; a refused one waits a little, as it was told to."""

    def __init__(self, server: Server, end: float) -> None:
        super().__init__(daemon=True)
        self._server = server
        self._end = end
        self.answers: list[tuple[int, str, float]] = []

    def run(self) -> None:
        connection = http.client.HTTPConnection(self._server.host, self._server.port, timeout=30)
        while time.monotonic() < self._end:
            connection.request("POST", "/models/houses/predict", BODY)
            began = time.perf_counter()
            response = connection.getresponse()
            response.read()
            taken = (time.perf_counter() - began) * 1e3
            self.answers.append((response.status, response.headers.get("Retry-After", ""), taken))
            if response.status == 503:
                time.sleep(0.05)


def main(seconds: float) -> int:
    settings = {"workers": 2, "limits": {"waiting": 8}}
    with tempfile.TemporaryDirectory() as name, running([write_houses(Path(name))], settings) as server:
        clients = [Client(server, time.monotonic() + seconds) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
    answers = [answer for client in clients for answer in client.answers]
    refused = sorted(taken for status, _, taken in answers if status == 503)
    served = sum(status == 200 for status, _, _ in answers)
    p99 = refused[int(len(refused) * 0.99)] if refused else 0.0
    result = {"served": served, "refused": len(refused), "others": len(answers) - served - len(refused)}
    print(json.dumps(result | {"refusal_p50_ms": refused[len(refused) // 2], "refusal_p99_ms": p99}, indent=1))
    is_told = all(after == "1" for status, after, _ in answers if status == 503)
    return int(p99 > LIMIT_MS or result["others"] > 0 or not is_told or not served)


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 10.0))
