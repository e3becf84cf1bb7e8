"""What batching costs one connection and gains many: requests per second with and without, in alternating rounds.

    python -m benchmarks.serving.batching [SECONDS] [ROUNDS]

Both servers are ours; one was started as by `--no-batching`. A round measures both, one after the other, and the figure
is the median of the rounds' ratios. Ends with 1 below 0.97 for one connection or below 1.2 for 64.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.serving.model import write_both
from benchmarks.serving.starting import Started, ask, start
from benchmarks.serving.throughput import Load, measure

LEAST = {1: 0.97, 8: 1.0, 64: 1.2}
"""Connections, and the ratio that is promised."""


def main(seconds: float, rounds: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        both = write_both(Path(folder))
        servers = [start("ours", *both), start("ours-plain", *both)]
        try:
            for server in servers:
                ask(server)
            found = {connections: ratios(servers, connections, seconds, rounds) for connections in LEAST}
        finally:
            for server in servers:
                server.stop()
    print(f"{'connections':12} {'requests ×':>10} {'CPU ×':>8}  promised")
    for connections, (rate, cpu) in found.items():
        print(f"{connections:<12} {rate:10.2f} {cpu:8.2f}  {LEAST[connections]}")
    return int(any(rate < LEAST[connections] for connections, (rate, _) in found.items()))


def ratios(servers: list[Started], connections: int, seconds: float, rounds: int) -> tuple[float, float]:
    """With over without batching: requests per second, and requests per second of CPU."""
    rates, cpus = [], []
    for turn in range(rounds):
        pair: dict[int, tuple[Load, float]] = {}
        for position in (0, 1) if turn % 2 else (1, 0):
            pair[position] = measure(servers[position], connections, 1, seconds)
        (ours, ours_cpu), (plain, plain_cpu) = pair[0], pair[1]
        rates.append(ours.per_second / plain.per_second)
        cpus.append(plain_cpu / ours_cpu)
    return statistics.median(rates), statistics.median(cpus)


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 3.0, int(sys.argv[2]) if len(sys.argv) > 2 else 7))
