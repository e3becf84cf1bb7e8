"""Binary tensors of 1000 rows over HTTP beside onnxruntime called in a loop in this process, on the same network.

    python -m benchmarks.serving.binary [SECONDS] [ROUNDS]

Two pairs: one process of the server beside one thread of onnxruntime, and two processes beside onnxruntime with as many
threads as it chooses by itself, which is all cores. Each is asked over four connections a process, with one tensor per
column and then with one packed tensor; the clients run on the same cores. The load comes from `wrk` where it is
installed, else from Python threads, which take more of the cores. In-process means the Python binding with an array at
hand. Rounds alternate; a figure is the median of their ratios. The second ratio is of CPU time per row, the server's
beside the loop's. Ends with 1 where a form has less than 60 % of the rows per second.
"""

from __future__ import annotations

import http.client
import json
import re
import shutil
import statistics
import subprocess
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
from benchmarks.serving.starting import OURS_OF_TWO, TENSOR_PATH, Started, ask, start

ROWS = 1000
LEAST = 0.6
PAIRS = (("ours", 1, 1), (OURS_OF_TWO, 2, 0))
"""A server, its processes, and the threads of onnxruntime beside it."""
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


def served(server: Started, asked: Request, connections: int, seconds: int) -> tuple[float, float]:
    """Rows per second over HTTP, by clients that keep the server busy, and per second of the server's CPU."""
    before = server.cpu_seconds()
    ask_many = by_wrk if shutil.which("wrk") else by_threads
    per_second = ask_many(server, asked, connections, seconds)
    return ROWS * per_second, ROWS * per_second * seconds / (server.cpu_seconds() - before)


def by_wrk(server: Started, asked: Request, connections: int, seconds: int) -> float:
    """Requests per second."""
    body, headers = asked
    with tempfile.TemporaryDirectory() as name:
        content, script = Path(name) / "body", Path(name) / "script.lua"
        content.write_bytes(body)
        lines = ["wrk.method = 'POST'", f"local file = io.open('{content}', 'rb')", "wrk.body = file:read('*a')"]
        lines += [f"wrk.headers['{key}'] = '{value}'" for key, value in headers.items()]
        script.write_text("\n".join(lines), encoding="ascii")
        url = f"http://127.0.0.1:{server.port}{TENSOR_PATH}"
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(script), url]
        done = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "Non-2xx" not in done, done
    found = re.search(r"Requests/sec:\s+([\d.]+)", done)
    assert found, done
    return float(found[1])


def by_threads(server: Started, asked: Request, connections: int, seconds: int) -> float:
    """The same from Python."""
    body, headers = asked
    counts = [0] * connections

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

    threads = [threading.Thread(target=work, args=(client,)) for client in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / seconds


def in_process(plain: Path, threads: int) -> Callable[[np.ndarray, int], tuple[float, float]]:
    """Rows per second of the binding alone, and per second of CPU; 0 threads are onnxruntime's own choice."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(plain, options)

    def run(numbers: np.ndarray, seconds: int) -> tuple[float, float]:
        count, end, before = 0, time.perf_counter() + seconds, time.process_time()
        while time.perf_counter() < end:
            session.run(["label_probabilities"], {"numbers": numbers})
            count += 1
        return count * ROWS / seconds, count * ROWS / (time.process_time() - before)

    return run


def main(seconds: int, rounds: int) -> int:
    numbers = np.random.default_rng(0).normal(size=(ROWS, len(FEATURES)))
    forms = {"columns": columns(numbers), "packed": packed(numbers)}
    least = []
    with tempfile.TemporaryDirectory() as folder:
        artifact, plain = write_both(Path(folder))
        for name, processes, threads in PAIRS:
            alone = in_process(plain, threads)
            server = start(name, artifact, plain)
            try:
                ask(server)
                rates = [
                    (form, served(server, asked, 4 * processes, seconds), alone(numbers, seconds))
                    for _ in range(rounds)
                    for form, asked in forms.items()
                ]
            finally:
                server.stop()
            least += [report(f"{name}, {form}", [rate[1:] for rate in rates if rate[0] == form]) for form in forms]
    return int(min(least) < LEAST)


def report(name: str, pairs: Sequence[tuple[tuple[float, float], tuple[float, float]]]) -> float:
    """Prints what a form has shown, and returns its rows per second beside the loop's."""
    wall, cpu = (statistics.median(ours[at] / theirs[at] for ours, theirs in pairs) for at in (0, 1))
    over_http, inside = (statistics.median(side[0] for side in sides) for sides in zip(*pairs, strict=True))
    print(f"{name:16} rows/s: {over_http:.0f} over HTTP, {inside:.0f} in process; ratio {wall:.2f}, CPU {cpu:.2f}")
    return wall


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 2, int(sys.argv[2]) if len(sys.argv) > 2 else 7))
