"""Requests per second, latency and CPU per request, ours and others', in alternating rounds.

    python -m benchmarks.serving.throughput [--install] [SECONDS]

`--install` makes the environments of the servers of others below .venv-rivals/ first (1 GB); those that are not there
are left out. MLServer and Triton's Python backend are asked by the Open Inference Protocol, as one tensor of numbers,
which is less to read than rows by name. They occupy several cores each, so `ours-2` is ours with `--processes 2`. The
last two figures are how many times as many requests as this server ours and ours-2 answer.

The load comes from `wrk` where it is installed, else from one Python process, which tops out near 15,000 requests a
second: then the CPU time that the server spends on a request is the figure to compare.
"""

from __future__ import annotations

import re
import selectors
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks.serving.environments import PACKAGES, install, python_of
from benchmarks.serving.model import write_both
from benchmarks.serving.starting import OURS_OF_TWO, Started, ask, rivals, start

CASES = ((1, 1), (8, 1), (64, 1), (8, 1000))
ROUNDS = 2


class Load(NamedTuple):
    """What a round showed; latencies in milliseconds."""

    per_second: float
    p99: float


def request(server: Started, rows: int) -> bytes:
    body = server.body(rows).encode()
    kind = "Host: x\r\nContent-Type: application/json"
    return f"POST {server.path} HTTP/1.1\r\n{kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


class Client:
    """One connection that sends its next request when the answer to the last one is complete."""

    def __init__(self, port: int, raw: bytes) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.raw = raw
        self.latencies: list[float] = []
        self.buffer = b""
        self.send()

    def send(self) -> None:
        self.began = time.perf_counter()
        self.socket.sendall(self.raw)

    def receive(self) -> None:
        self.buffer += self.socket.recv(1 << 20)
        head, _, body = self.buffer.partition(b"\r\n\r\n")
        found = re.search(rb"(?i)content-length: (\d+)", head)
        if found and len(body) >= int(found[1]):
            assert head.startswith(b"HTTP/1.1 200"), self.buffer
            self.latencies.append(time.perf_counter() - self.began)
            self.buffer = b""
            self.send()


def load_python(server: Started, connections: int, rows: int, seconds: float) -> Load:
    selector = selectors.DefaultSelector()
    clients = [Client(server.port, request(server, rows)) for _ in range(connections)]
    for client in clients:
        selector.register(client.socket, selectors.EVENT_READ, client)
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for key, _ in selector.select(0.1):
            key.data.receive()
    for client in clients:
        client.socket.close()
    latencies = sorted(latency for client in clients for latency in client.latencies)
    return Load(len(latencies) / seconds, latencies[int(len(latencies) * 0.99)] * 1e3)


def load_wrk(server: Started, connections: int, rows: int, seconds: float) -> Load:
    body = server.body(rows)
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(f"wrk.method='POST'\nwrk.headers['Content-Type']='application/json'\nwrk.body=[[{body}]]\n")
        script.flush()
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:.0f}s", "--latency", "-s", script.name]
        done = subprocess.run(
            [*command, f"http://127.0.0.1:{server.port}{server.path}"], capture_output=True, text=True, check=True
        )
    assert "Non-2xx" not in done.stdout, done.stdout
    tail = re.search(r"99%\s+([\d.]+)(us|ms|s)", done.stdout)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    assert tail
    assert rate
    return Load(float(rate[1]), float(tail[1]) * {"us": 1e-3, "ms": 1, "s": 1e3}[tail[2]])


def measure(server: Started, connections: int, rows: int, seconds: float) -> tuple[Load, float]:
    """The load, and the server's CPU microseconds per request."""
    before = server.cpu_seconds()
    load = (load_wrk if shutil.which("wrk") else load_python)(server, connections, rows, seconds)
    return load, (server.cpu_seconds() - before) / max(load.per_second * seconds, 1) * 1e6


def main(seconds: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        both = write_both(Path(folder))
        names = ["ours", OURS_OF_TWO, *(name for name in rivals() if name not in ("ours", "script"))]
        servers = {name: start(name, *both) for name in names}
        try:
            for server in servers.values():
                ask(server)
            print(f"{'connections × rows':20} {'server':9} {'req/s':>8} {'p99 ms':>8} {'CPU µs':>8}  ours ×  ours-2 ×")
            for connections, rows in CASES:
                compare(servers, connections, rows, seconds)
        finally:
            for server in servers.values():
                server.stop()


def compare(servers: dict[str, Started], connections: int, rows: int, seconds: float) -> None:
    """Prints the best round of each server, and how many times as many requests ours answers."""
    best: dict[str, tuple[Load, float]] = {}
    for _ in range(ROUNDS):
        for name, server in servers.items():
            found = measure(server, connections, rows, seconds)
            best[name] = max(best.get(name, found), found, key=lambda one: one[0].per_second)
    for name, (load, cpu) in best.items():
        one, two = (best[ours][0].per_second / load.per_second for ours in ("ours", OURS_OF_TWO))
        case = f"{connections} × {rows}"
        print(f"{case:20} {name:9} {load.per_second:8.0f} {load.p99:8.2f} {cpu:8.1f}  {one:6.2f}  {two:6.2f}")


if __name__ == "__main__":
    if "--install" in sys.argv:
        install()
    absent = ", ".join(name for name in PACKAGES if python_of(name) is None)
    if absent:
        print(f"not installed, so left out: {absent} (--install)", file=sys.stderr)
    times = [float(word) for word in sys.argv[1:] if word != "--install"]
    main(times[0] if times else 3.0)
