"""What `import ambidex` and `ambidex --help` cost, as multiples of starting Python and doing nothing.

The three run in turns, and medians are compared: a loaded machine slows all of them alike. Python starts as a user
starts it, with `site`.

Run: python benchmarks/imports.py [--rounds 40]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

COMMANDS: dict[str, tuple[str, ...]] = {
    "python -c pass": ("-c", "pass"),
    "import ambidex": ("-c", "import ambidex"),
    "ambidex --help": ("-c", "import sys; sys.argv = ['ambidex', '--help']; from ambidex.cli.main import main; main()"),
}
MOST = {"import ambidex": 1.3, "ambidex --help": 4.0}


def measure(rounds: int) -> dict[str, dict[str, float]]:
    """Median wall and CPU milliseconds of each command, all in turns; the first round warms the caches."""
    wall: dict[str, list[float]] = {name: [] for name in COMMANDS}
    cpu: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for turn in range(rounds + 1):
        for name, command in COMMANDS.items():
            before, started = os.times(), time.perf_counter()
            subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL)
            taken, after = time.perf_counter() - started, os.times()
            if turn:
                wall[name].append(taken * 1e3)
                used = after.children_user + after.children_system - before.children_user - before.children_system
                cpu[name].append(used * 1e3)
    return {
        name: {
            "wall_ms": statistics.median(wall[name]),
            "least_ms": min(wall[name]),
            "cpu_ms": statistics.fmean(cpu[name]),
        }
        for name in COMMANDS
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = measure(arguments.rounds)
    base = found["python -c pass"]
    for figures in found.values():
        figures["ratio"] = figures["wall_ms"] / base["wall_ms"]
        figures["least_ratio"] = figures["least_ms"] / base["least_ms"]
        figures["cpu_ratio"] = figures["cpu_ms"] / base["cpu_ms"]
    kept = all(found[name]["ratio"] <= most for name, most in MOST.items())
    if arguments.json:
        print(json.dumps({"commands": found, "is_met": kept}))
        return 0 if kept else 1
    print(f"{'':<18}{'median ms':>10}{'ratio':>8}{'of least':>10}{'of CPU':>8}{'at most':>9}")
    for name, figures in found.items():
        print(
            f"{name:<18}{figures['wall_ms']:>10.1f}{figures['ratio']:>8.2f}{figures['least_ratio']:>10.2f}"
            f"{figures['cpu_ratio']:>8.2f}{MOST.get(name, 1.0):>9}"
        )
    return 0 if kept else 1


if __name__ == "__main__":
    raise SystemExit(main())
