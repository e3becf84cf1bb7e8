"""Kills a foreign model's process under load: what others lose, what its own clients see, and when it is back.

    python -m benchmarks.serving.worker_kill [KILLS]

Ends with 1 if another model's request failed, if one of the model's own ended in anything but 200 or 503, or if it did
not come back. Linux only: the process is found in /proc.
"""

from __future__ import annotations

import collections
import http.client
import json
import os
import signal
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

from tests.server.foreign.models import write_obedient
from tests.server.foreign.processes import workers_of
from tests.server.models import write_houses
from tests.server.running import Server, running

CLIENTS = 3
PATIENCE_S = 60.0
OWN = ("/models/obedient/predict", json.dumps({"rows": [{"X": [1, 2]}]}))
OTHER = ("/models/houses/predict", json.dumps({"rows": [{"rooms": 1}]}))


class Client(threading.Thread):
    """Asks one thing again and again over one connection, and counts how it was answered."""

    def __init__(self, server: Server, question: tuple[str, str]) -> None:
        super().__init__(daemon=True)
        self._server = server
        self._path, self._body = question
        self.is_stopped = False
        self.statuses: collections.Counter[int] = collections.Counter()

    def run(self) -> None:
        connection = http.client.HTTPConnection(self._server.host, self._server.port, timeout=PATIENCE_S)
        while not self.is_stopped:
            connection.request("POST", self._path, self._body)
            response = connection.getresponse()
            response.read()
            self.statuses[response.status] += 1


def kill_once(server: Server) -> float:
    """Kills the process; seconds until the model answers again."""
    began = time.perf_counter()
    (worker,) = workers_of(server)
    os.kill(worker, signal.SIGKILL)
    while server.ask("POST", *OWN).status != 200 or workers_of(server) == [worker]:
        if time.perf_counter() - began > PATIENCE_S:
            raise TimeoutError(f"not back after {PATIENCE_S:g} s")
    return time.perf_counter() - began


def main(kills: int) -> int:
    """Prints what was counted; 1 if somebody lost more than the killed process cost."""
    with tempfile.TemporaryDirectory() as name:
        paths = [write_houses(Path(name)), write_obedient(Path(name) / "obedient.pkl")]
        with running(paths, {"trust": True, "is_quiet": True}) as server:
            server.ask("POST", *OWN)
            own = [Client(server, OWN) for _ in range(CLIENTS)]
            others = [Client(server, OTHER) for _ in range(CLIENTS)]
            for client in own + others:
                client.start()
            back = [kill_once(server) for _ in range(kills)]
            for client in own + others:
                client.is_stopped = True
            for client in own + others:
                client.join(PATIENCE_S)
    counted = {
        who: dict(sum((client.statuses for client in clients), collections.Counter()))
        for who, clients in (("own", own), ("others", others))
    }
    print(f"{kills} kills: own {counted['own']}, others {counted['others']}")
    print(f"back after {statistics.median(back):.2f} s (median), {max(back):.2f} s at most")
    return int(set(counted["own"]) - {200, 503} != set() or set(counted["others"]) != {200})


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10))
