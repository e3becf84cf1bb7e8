"""Replaces the served artifact a thousand times under load: failed requests, latencies beside a quiet phase, memory.

    python -m benchmarks.serving.reload [RELOADS]

Ends with 1 if a request failed, if p99 while reloading is more than twice that of the quiet phase, or if memory grew by
more than 5 % between the tenth reload in a hundred and the last.
"""

from __future__ import annotations

import http.client
import json
import sys
import tempfile
import threading
import time
from pathlib import Path

from benchmarks.serving.memory import pss_mib
from tests.server.models import write_houses
from tests.server.running import Server, running

from ambidex.server.retirement import RETIREMENT, SWEEP

CLIENTS = 4
QUIET_S = 5.0
PATIENCE_S = 30.0
BODY = json.dumps({"rows": [{"rooms": 1}]})


class Client(threading.Thread):
    """Asks one after the other, over one connection, until told to stop."""

    def __init__(self, server: Server) -> None:
        super().__init__(daemon=True)
        self._server = server
        self.is_stopped = False
        self.latencies: list[float] = []
        self.failures: list[str] = []
        self.price = 0.0

    def run(self) -> None:
        connection = http.client.HTTPConnection(self._server.host, self._server.port, timeout=30)
        while not self.is_stopped:
            began = time.perf_counter()
            try:
                connection.request("POST", "/models/houses/predict", BODY)
                response = connection.getresponse()
                body = response.read()
                self.latencies.append(time.perf_counter() - began)
                self.price = json.loads(body)["predictions"][0]["price"]
            except (OSError, http.client.HTTPException, KeyError, ValueError) as error:
                self.failures.append(repr(error))
                connection.close()


def replace(folder: Path, slope: int) -> None:
    """Puts a new artifact in the place of the served one, in one step."""
    write_houses(folder / "new", slope=slope).replace(folder / "served" / "houses.ambidex")


def p99_ms(clients: list[Client]) -> float:
    """The latencies since the last call."""
    seen = sorted(latency for client in clients for latency in client.latencies)
    for client in clients:
        client.latencies = []
    return seen[int(len(seen) * 0.99)] * 1e3


def settled_mib(server: Server) -> float:
    """Memory once the models that were replaced have been let go."""
    time.sleep(2 * (RETIREMENT + SWEEP))
    return pss_mib(server.process.pid)


def main(reloads: int) -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "served").mkdir()
        replace(folder, 1)
        # Quiet, because nobody reads its log here, and a full pipe would hold it up.
        with running([folder / "served"], {"watch_seconds": 0.01, "is_quiet": True}) as server:
            return measure(server, folder, reloads)


def measure(server: Server, folder: Path, reloads: int) -> int:
    clients = [Client(server) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    time.sleep(1.0)
    p99_ms(clients)
    time.sleep(QUIET_S)
    quiet, memory = p99_ms(clients), 0.0
    for slope in range(2, reloads + 2):
        replace(folder, slope)
        end = time.monotonic() + PATIENCE_S
        while any(client.price != slope for client in clients):
            assert time.monotonic() < end, f"reload {slope} was not seen"
            time.sleep(0.001)
        if slope == 2 + reloads // 10:
            memory = settled_mib(server)
    loaded, last = p99_ms(clients), settled_mib(server)
    for client in clients:
        client.is_stopped = True
    failures = [text for client in clients for text in client.failures]
    result = {"reloads": reloads, "failures": len(failures), "p99_ms": {"quiet": quiet, "reloading": loaded}}
    print(json.dumps(result | {"memory_mib": [memory, last], "examples": failures[:3]}, indent=1))
    return 1 if failures or loaded > 2 * quiet or last > 1.05 * memory else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000))
