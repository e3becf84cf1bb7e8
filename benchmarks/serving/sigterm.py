"""Ends a server under load with SIGTERM, again and again: is any request lost?

    python -m benchmarks.serving.sigterm [TIMES]

Three kinds of clients ask at once: over connections that they keep, over a new connection for each request, and by
large bodies that a thread of the server answers. A request is lost if its connection was opened, the server had not
said that it would close it, and no whole answer came. Every round must also end with status 0 and no trace. Ends with 1
otherwise.
"""

from __future__ import annotations

import http.client
import json
import random
import sys
import tempfile
import threading
import time
from pathlib import Path

from tests.server.models import write_houses
from tests.server.running import Server, running

KEEPING, OPENING, LARGE = 4, 4, 2
ROWS = 5000
PATH = "/models/houses/predict"


class Client(threading.Thread):
    """Asks until the server takes no more connections."""

    def __init__(self, server: Server, rows: int, *, keeps: bool) -> None:
        super().__init__(daemon=True)
        self._server = server
        self._body = json.dumps({"rows": [{"rooms": 1}] * rows}).encode()
        self._rows = rows
        self._keeps = keeps
        self.answered = 0
        self.lost: list[str] = []

    def run(self) -> None:
        while True:
            connection = http.client.HTTPConnection(self._server.host, self._server.port, timeout=30)
            try:
                connection.connect()
            except OSError:
                return  # nobody listens any more: nothing was asked, so nothing is lost
            while self._ask(connection) and self._keeps:
                pass
            connection.close()

    def _ask(self, connection: http.client.HTTPConnection) -> bool:
        """One request; whether the connection may be used again."""
        try:
            connection.request("POST", PATH, self._body)
            response = connection.getresponse()
            body = response.read()
            if response.status == 200 and len(json.loads(body)["predictions"]) == self._rows:
                self.answered += 1
            else:
                self.lost.append(f"{response.status} {body[:100]!r}")
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.lost.append(repr(error))
            return False
        return response.headers.get("Connection") != "close"


def once(artifact: Path, wait: float) -> tuple[int, list[str]]:
    """One server's life: how many requests were answered, and what went wrong."""
    with running([artifact], {"is_quiet": True}) as server:
        clients = [Client(server, 1, keeps=True) for _ in range(KEEPING)]
        clients += [Client(server, 1, keeps=False) for _ in range(OPENING)]
        clients += [Client(server, ROWS, keeps=True) for _ in range(LARGE)]
        for client in clients:
            client.start()
        time.sleep(wait)
        status, _, errors = server.stop()
        for client in clients:
            client.join(timeout=30)
        wrong = [text for client in clients for text in client.lost]
        wrong += [f"status {status}: {errors[-500:]}"] if status or "Traceback" in errors else []
        wrong += ["a client still waits for its answer"] if any(client.is_alive() for client in clients) else []
        return sum(client.answered for client in clients), wrong


def main(times: int) -> int:
    draw = random.Random(0)
    with tempfile.TemporaryDirectory() as folder:
        artifact = write_houses(Path(folder))
        rounds = [once(artifact, draw.uniform(0.3, 0.8)) for _ in range(times)]
    wrong = [text for _, found in rounds for text in found]
    answered = sum(count for count, _ in rounds)
    print(json.dumps({"rounds": times, "answered": answered, "lost": len(wrong), "examples": wrong[:5]}, indent=1))
    return int(bool(wrong) or not answered)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20))
