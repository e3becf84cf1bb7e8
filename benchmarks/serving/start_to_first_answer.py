"""From `exec` to the first correct answer over HTTP, ours and others', interleaved: wall, CPU and memory.

python -m benchmarks.serving.start_to_first_answer [ROUNDS]
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.serving.model import write_both
from benchmarks.serving.peers import PEERS
from benchmarks.serving.starting import ask, rivals, start


def main(rounds: int) -> None:
    seen: dict[str, list[tuple[float, float, float]]] = {name: [] for name in rivals() if name not in PEERS}
    with tempfile.TemporaryDirectory() as folder:
        artifact, plain = write_both(Path(folder))
        for name in seen:
            start(name, artifact, plain).stop()  # leaves the bytecode behind
        for _ in range(rounds):
            for name, times in seen.items():
                began = time.perf_counter()
                server = start(name, artifact, plain)
                ask(server)
                times.append((time.perf_counter() - began, server.cpu_seconds(), server.memory_mib()))
                server.stop()
    print(f"{'server':10} {'wall ms':>9} {'best':>7} {'CPU ms':>8} {'PSS MiB':>8}  ours / this one (wall, CPU)")
    medians = {name: [statistics.median(column) for column in zip(*times, strict=True)] for name, times in seen.items()}
    for name, (wall, cpu, memory) in medians.items():
        best = min(one[0] for one in seen[name])
        ratios = f"{medians['ours'][0] / wall:.2f}  {medians['ours'][1] / cpu:.2f}"
        print(f"{name:10} {wall * 1e3:9.0f} {best * 1e3:7.0f} {cpu * 1e3:8.0f} {memory:8.1f}  {ratios}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 9)
