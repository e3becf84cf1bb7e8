"""Sends thousands of broken requests and looks at the answers and at the server's memory.

    python -m benchmarks.serving.fuzz [REQUESTS] [SEED]

Ends with 1 if any answer is 5xx or no valid JSON, or if the second half of the requests made memory grow by more than
5 %. The requests are those of tests/server/hostile.py.
"""

from __future__ import annotations

import http.client
import json
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path

from benchmarks.serving.memory import pss_mib
from tests.server.hostile import check, examples, hostile_request
from tests.server.models import write_adult, write_houses, write_oil, write_stores
from tests.server.running import Answer, Server, running

GROWTH = 1.05


def main(requests: int, seed: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        for write in (write_adult, write_houses, write_oil, write_stores):
            write(Path(folder))
        with running([Path(folder)]) as server:
            return fuzz(server, requests, seed)


def fuzz(server: Server, requests: int, seed: int) -> int:
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
    is_flat = memory[-1] <= memory[0] * GROWTH
    result = {
        "requests": requests,
        "statuses": dict(sorted(statuses.items())),
        "failures": failures[:10],
        "memory_mib": [round(one, 1) for one in memory],
        "memory_flat": is_flat,
    }
    print(json.dumps(result, indent=1))
    return 0 if is_flat and not failures else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000, int(sys.argv[2]) if len(sys.argv) > 2 else 0))
