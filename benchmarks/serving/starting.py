"""Starts the servers that are compared, and asks them."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
ROW = {f"x{position}": position / 20 for position in range(20)}
PATH = "/models/mlp/predict"
OURS = "from ambidex.server import serve; import sys; serve([sys.argv[1]], port=0)"


class Started(NamedTuple):
    """A process that listens on `port`."""

    process: subprocess.Popen[str]
    port: int

    def cpu_seconds(self) -> float:
        """Time on a core so far, in user and system mode."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mib(self) -> float:
        """Proportional set size."""
        lines = Path(f"/proc/{self.process.pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024

    def stop(self) -> None:
        self.process.kill()
        self.process.communicate()


def rivals() -> list[str]:
    """The servers that can be started here, ours first."""
    has_fastapi = find_spec("fastapi") is not None and find_spec("uvicorn") is not None
    return ["ours", "script", "bare", *(["fastapi"] if has_fastapi else [])]


def start(name: str, artifact: Path, plain: Path) -> Started:
    """Starts a server and waits for its port."""
    if name == "ours":
        command = [sys.executable, "-c", OURS, str(artifact)]
    else:
        command = [sys.executable, str(HERE / "rivals.py"), name, str(plain)]
    # An installed package has its bytecode; a source tree gets it from the first start.
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(artifact.parent / "bytecode")}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env)
    assert process.stdout is not None
    return Started(process, int(process.stdout.readline().rpartition(":")[2]))


def ask(port: int, rows: int = 1) -> bytes:
    """One request; keeps trying while nobody listens yet."""
    body = json.dumps({"rows": [ROW] * rows})
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            connection.request("POST", PATH, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            answer = response.read()
            assert response.status == 200, answer
            return answer
        except ConnectionRefusedError:
            time.sleep(0.002)
        finally:
            connection.close()
