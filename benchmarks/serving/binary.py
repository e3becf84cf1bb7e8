"""Binary tensors of 1000 rows over HTTP beside onnxruntime called in a loop in this process, on the same network.

    python -m benchmarks.serving.binary [SECONDS] [ROUNDS]

Two clients ask, one connection each, with one tensor per column and then with one packed tensor; in-process means the
Python binding with an array at hand, one thread. Rounds alternate; the figure is the median of their ratios. The second
ratio is of CPU time per row, the server's beside the loop's: what a busy machine disturbs least. Ends with 1 where
either form has less than 60 % of the rows per second.
"""

from __future__ import annotations

import http.client
import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from benchmarks.serving.model import FEATURES, write_both
from benchmarks.serving.starting import TENSOR_PATH, Started, ask, start

ROWS = 1000
CLIENTS = 2
LEAST = 0.6
Request = tuple[bytes, dict[str, str]]


def columns(numbers: np.ndarray) -> Request:
    """A tensor per column, one after the other."""
    size = {"parameters": {"binary_data_size": 8 * ROWS}}
    inputs = [{"name": name, "shape": [ROWS], "datatype": "FP64", **size} for name in FEATURES]
    return request(inputs, np.ascontiguousarray(numbers.T))


def packed(numbers: np.ndarray) -> Request:
    """One tensor in the artifact's own layout."""
    size = {"parameters": {"binary_data_size": numbers.nbytes}}
    return request([{"name": "numbers", "shape": list(numbers.shape), "datatype": "FP64", **size}], numbers)


def request(inputs: list[dict[str, Any]], contents: np.ndarray) -> Request:
    """The body and its headers."""
    outputs = [{"name": "label_probabilities", "parameters": {"binary_data": True}}]
    head = json.dumps({"inputs": inputs, "outputs": outputs}).encode()
    headers = {"Inference-Header-Content-Length": str(len(head)), "Content-Type": "application/octet-stream"}
    return head + contents.tobytes(), headers


def served(server: Started, asked: Request, seconds: float) -> tuple[float, float]:
    """Rows per second over HTTP, by as many clients as keep the server busy, and per second of the server's CPU."""
    before = server.cpu_seconds()
    body, headers = asked
    counts = [0] * CLIENTS

    def work(client: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            connection.request("POST", TENSOR_PATH, body, headers)
            response = connection.getresponse()
            answer = response.read()
            assert response.status == 200, answer
            counts[client] += 1
        connection.close()

    threads = [threading.Thread(target=work, args=(client,)) for client in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = sum(counts) * ROWS
    return rows / seconds, rows / (server.cpu_seconds() - before)


def in_process(plain: Path) -> Callable[[np.ndarray, float], tuple[float, float]]:
    """Rows per second of the binding alone, and per second of CPU."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(plain, options)

    def run(numbers: np.ndarray, seconds: float) -> tuple[float, float]:
        count, end, before = 0, time.perf_counter() + seconds, time.process_time()
        while time.perf_counter() < end:
            session.run(["label_probabilities"], {"numbers": numbers})
            count += 1
        return count * ROWS / seconds, count * ROWS / (time.process_time() - before)

    return run


def main(seconds: float, rounds: int) -> int:
    numbers = np.random.default_rng(0).normal(size=(ROWS, len(FEATURES)))
    with tempfile.TemporaryDirectory() as folder:
        artifact, plain = write_both(Path(folder))
        alone = in_process(plain)
        server = start("ours", artifact, plain)
        try:
            ask(server)
            forms = {"columns": columns(numbers), "packed": packed(numbers)}
            found: dict[str, list[tuple[tuple[float, float], tuple[float, float]]]] = {name: [] for name in forms}
            for _ in range(rounds):
                for name, asked in forms.items():
                    found[name].append((served(server, asked, seconds), alone(numbers, seconds)))
        finally:
            server.stop()
    return int(min(report(name, pairs) for name, pairs in found.items()) < LEAST)


def report(name: str, pairs: Sequence[tuple[tuple[float, float], tuple[float, float]]]) -> float:
    """Prints what a form has shown, and returns its rows per second beside the loop's."""
    wall, cpu = (statistics.median(ours[at] / theirs[at] for ours, theirs in pairs) for at in (0, 1))
    over_http, inside = (statistics.median(side[0] for side in sides) for sides in zip(*pairs, strict=True))
    print(f"{name:8} rows/s: {over_http:.0f} over HTTP, {inside:.0f} in process; ratio {wall:.2f}, CPU {cpu:.2f}")
    return wall


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 2.0, int(sys.argv[2]) if len(sys.argv) > 2 else 7))
