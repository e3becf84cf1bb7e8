"""Sends thousands of broken requests and looks at the answers and at the server's memory.

    python -m benchmarks.serving.fuzz [REQUESTS] [SEED]

Three parts against one server: REQUESTS of tests/server/hostile.py (JSON and binary tensors in three protocols), a
third as many over gRPC, half of them with bytes changed, and schemathesis on our own OpenAPI with all its checks, on
every route of every model but those that name a version too. Ends with 1 if any answer is 5xx, no valid JSON or not as
described, or if the second half of a part made memory grow by more than 5 %.
"""

from __future__ import annotations

import http.client
import json
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.serving.memory import pss_mib
from tests.server.description_fuzz import judge
from tests.server.hostile import DATATYPES, check, examples, hostile_request
from tests.server.models import write_adult, write_houses, write_oil, write_stores
from tests.server.running import Answer, Server, running

from ambidex.server.grpc_messages import SERVICE, build

GROWTH = 1.05


def main(requests: int, seed: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        for write in (write_adult, write_houses, write_oil, write_stores):
            write(Path(folder))
        settings = {"grpc_port": 0, "is_quiet": True, "allow_control": False}
        with running([Path(folder)], settings) as server:
            is_good = True
            for name, part in (
                ("http", lambda: fuzz_http(server, requests, seed)),
                ("grpc", lambda: fuzz_grpc(server, requests // 3, seed)),
                ("schemathesis", lambda: fuzz_described(server, seed)),
            ):
                found = part()
                print(json.dumps({name: found}, indent=1), flush=True)
                is_good = is_good and found["memory_flat"] and not found["failures"]
    return int(not is_good)


def fuzz_http(server: Server, requests: int, seed: int) -> dict[str, Any]:
    """Sends them over connections that are kept, as far as the server keeps them."""
    draw, known = random.Random(seed), examples(server)
    statuses: Counter[int] = Counter()
    failures: list[str] = []
    memory: list[float] = []
    connection = http.client.HTTPConnection(server.host, server.port, timeout=30)
    for number in range(requests):
        asked = hostile_request(draw, known)
        connection.request(asked.method, asked.path, asked.body, asked.headers)
        response = connection.getresponse()
        answer = Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        statuses[answer.status] += 1
        try:
            check(asked, answer)
        except (AssertionError, ValueError, KeyError) as error:
            failures.append(str(error)[:500])
        if number in {requests // 2, requests - 1}:
            memory.append(pss_mib(server.process.pid))
    return report(requests, failures, memory) | {"statuses": dict(sorted(statuses.items()))}


def report(requests: int, failures: list[str], memory: list[float]) -> dict[str, Any]:
    """What a part has shown; `memory` in the middle and at the end."""
    return {
        "requests": requests,
        "failures": failures[:10],
        "memory_mib": [round(one, 1) for one in memory],
        "memory_flat": memory[-1] <= memory[0] * GROWTH,
    }


def fuzz_grpc(server: Server, requests: int, seed: int) -> dict[str, Any]:
    """Tensors that nearly fit, as messages and as messages with bytes changed."""
    import grpc

    messages = build()
    allowed = {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND}
    draw = random.Random(seed)
    statuses: Counter[str] = Counter()
    failures: list[str] = []
    memory: list[float] = []
    with grpc.insecure_channel(server.announced["grpc"]) as channel:
        infer = channel.unary_unary(f"/{SERVICE}/ModelInfer", request_serializer=bytes, response_deserializer=bytes)
        for number in range(requests):
            raw = grpc_request(messages, draw)
            try:
                infer(raw)
                statuses["OK"] += 1
            except grpc.RpcError as error:
                statuses[error.code().name] += 1
                if error.code() not in allowed:
                    failures.append(f"{raw!r}: {error}"[:500])
            if number in {requests // 2, requests - 1}:
                memory.append(pss_mib(server.process.pid))
    return report(requests, failures, memory) | {"statuses": dict(sorted(statuses.items()))}


def grpc_request(messages: dict[str, Any], draw: random.Random) -> bytes:
    """A request to `houses`, right in a few cases."""
    rows = draw.choice((0, 1, 2, 40))
    is_right = draw.random() < 0.6
    shape = [rows, 1] if is_right else [draw.choice((rows, 1, -1, 2**62)), draw.choice((1, 2, 0))]
    kind = "FP64" if is_right else draw.choice(DATATYPES)
    values = [draw.choice((0.0, 1.5, float("nan"), float("inf"), 1e308)) for _ in range(rows)]
    name = "rooms" if is_right else draw.choice(("rooms", ""))
    tensor: dict[str, Any] = {"name": name, "datatype": kind, "shape": shape}
    blobs = []
    if draw.random() < 0.5:
        blobs = [draw.randbytes(draw.choice((8 * rows, 8 * rows, 3))) for _ in range(draw.choice((1, 1, 0, 2)))]
    else:
        tensor["contents"] = {draw.choice(("fp64_contents", "fp64_contents", "fp32_contents")): values}
    request = messages["ModelInferRequest"](model_name="houses", inputs=[tensor], raw_input_contents=blobs)
    raw = bytearray(request.SerializeToString())
    for _ in range(draw.choice((0, 0, 1, 3))):
        at = draw.randrange(len(raw))
        raw[at : at + draw.randrange(2)] = draw.randbytes(draw.randrange(3))
    return bytes(raw)


def fuzz_described(server: Server, seed: int) -> dict[str, Any]:
    """Two runs with different seeds; memory after each."""
    options = ("--phases", "examples,coverage,fuzzing", "--max-examples", "20", "--exclude-path-regex", "/versions/")
    verdicts, memory = [], []
    for turn in range(2):
        verdicts.append(judge(server, *options, "--seed", str(seed + turn)))
        memory.append(pss_mib(server.process.pid))
    findings = [verdict.findings[:5000] for verdict in verdicts if verdict.findings]
    return report(sum(verdict.requests for verdict in verdicts), findings, memory)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000, int(sys.argv[2]) if len(sys.argv) > 2 else 0))
