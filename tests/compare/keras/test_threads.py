"""JAX is held to the plan's threads, in a process of its own: XLA's pool keeps the size that it began with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.jax

SCRIPT = """
import json, sys
from pathlib import Path
from ambidex.backends.keras._import import jax, require
require("jax")
from ambidex.backends.keras.device import configure
from ambidex.backends.keras.idiom import settings
from ambidex.training.plan import Plan

def ticks():
    found = {}
    for path in Path("/proc/self/task").glob("*/stat"):
        fields = path.read_text().rpartition(")")[2].split()
        found[path.parent.name] = int(fields[11]) + int(fields[12])
    return found

plan = Plan(device="cpu", threads=int(sys.argv[1]))
configure(plan)
step = jax.jit(lambda x: jax.numpy.tanh(x @ x))
x = step(jax.numpy.ones((512, 512))).block_until_ready()
before = ticks()
while sum(ticks().values()) - sum(before.values()) < 60:
    for _ in range(20):
        x = step(x)
    x.block_until_ready()
spent = [count - before.get(thread, 0) for thread, count in ticks().items()]
print(json.dumps({"settings": settings(plan), "busiest": max(spent) / sum(spent)}))
"""


def in_a_process(threads: int) -> Any:
    source = str(Path(__file__).parents[3] / "src")
    env = {name: value for name, value in os.environ.items() if name not in ("NPROC", "XLA_FLAGS")}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(threads)],
        env=env | {"PYTHONPATH": source, "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's own count of a thread's time")
def test_one_thread_does_all_the_work() -> None:
    found = in_a_process(1)
    assert found["settings"]["XLA threads on the CPU"] == "1"
    assert found["busiest"] > 0.9


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's own names of threads")
def test_the_settings_say_how_many_threads_there_are() -> None:
    assert in_a_process(3)["settings"]["XLA threads on the CPU"] == "3"
