"""Starts the servers that are compared, and asks them."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks.serving.environments import python_of
from benchmarks.serving.peers import PEERS

HERE = Path(__file__).parent
ROW = {f"x{position}": position / 20 for position in range(20)}
PATH = "/models/mlp/predict"
TENSOR_PATH = "/v2/models/mlp/infer"
OURS = "from ambidex.server import serve; from ambidex.server.settings import Settings; import sys; "
OURS += "kind = sys.argv[2]; processes = 2 if kind == 'ours-2' else 1; "
OURS += "settings = Settings(is_batching=kind != 'ours-plain', processes=processes); "
OURS += "serve([sys.argv[1]], port=0, settings=settings)"
OURS_OF_TWO = "ours-2"
"""Ours with `--processes 2`, to set beside servers that occupy several cores by themselves."""
BY_HAND = ("script", "bare", "fastapi")
PATIENCE_S = 60.0


class Started(NamedTuple):
    """A process that listens on `port`; `takes_tensors` if it is asked by the Open Inference Protocol."""

    process: subprocess.Popen[str]
    port: int
    takes_tensors: bool

    @property
    def path(self) -> str:
        return TENSOR_PATH if self.takes_tensors else PATH

    def body(self, rows: int) -> str:
        """A request of so many rows."""
        if not self.takes_tensors:
            return json.dumps({"rows": [ROW] * rows})
        tensor = {"name": "numbers", "shape": [rows, 20], "datatype": "FP64", "data": list(ROW.values()) * rows}
        return json.dumps({"inputs": [tensor]})

    def cpu_seconds(self) -> float:
        """Time on a core so far, in user and system mode, of the process and its children."""
        ticks = 0
        for pid in family(self.process.pid):
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def memory_mib(self) -> float:
        """Proportional set size of all of them."""
        files = [Path(f"/proc/{pid}/smaps_rollup") for pid in family(self.process.pid)]
        lines = [line for file in files for line in file.read_text(encoding="ascii").splitlines()]
        return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024

    def stop(self) -> None:
        for pid in reversed(family(self.process.pid)):
            os.kill(pid, 9)
        self.process.communicate()


def family(pid: int) -> list[int]:
    """A process and those it started."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [pid, *(one for child in children for one in family(int(child)))]


def rivals() -> list[str]:
    """The servers that can be started here, ours first."""
    by_hand = [name for name in BY_HAND if python_of("python") is not None]
    return ["ours", *by_hand, *(name for name in PEERS if python_of(name) is not None)]


def start(name: str, artifact: Path, plain: Path) -> Started:
    """Starts a server and waits for its port."""
    # An installed package has its bytecode; a source tree gets it from the first start.
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(artifact.parent / "bytecode")}
    if name in PEERS:
        launch = PEERS[name](artifact.parent, plain)
        assert launch is not None
        streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        process = subprocess.Popen(launch.command, text=True, env={**env, **launch.env}, **streams)
        return Started(process, launch.port, takes_tensors=True)
    if name.startswith("ours"):
        command = [sys.executable, "-c", OURS, str(artifact), name]
    else:
        command = [str(python_of("python")), str(HERE / "rivals.py"), name, str(plain)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env)
    assert process.stdout is not None
    return Started(process, int(process.stdout.readline().rpartition(":")[2]), takes_tensors=False)


def ask(server: Started, rows: int = 1) -> bytes:
    """One request; keeps trying while nobody listens yet or the model still loads."""
    end = time.monotonic() + PATIENCE_S
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        try:
            connection.request("POST", server.path, server.body(rows), {"Content-Type": "application/json"})
            response = connection.getresponse()
            answer = response.read()
            if response.status == 200:
                return answer
            assert server.takes_tensors, answer
            assert time.monotonic() < end, answer
        except ConnectionRefusedError:
            assert time.monotonic() < end, "nobody listens"
        finally:
            connection.close()
        time.sleep(0.002)
