"""Runs schemathesis, which nobody here wrote, with all its checks on a server's own description."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from tests.server.running import Server

CONFIG = Path(__file__).with_name("schemathesis.toml")


class Verdict(NamedTuple):
    """How many requests were sent, and what schemathesis said where it found fault."""

    requests: int
    findings: str


def judge(server: Server, *options: str) -> Verdict:
    """Runs it with these options of `schemathesis run`."""
    tool = Path(sys.executable).with_name("schemathesis")
    command = [tool, "--config-file", CONFIG, "run", f"{server.announced['url']}/openapi.json", "--checks", "all"]
    done = subprocess.run(
        [*map(str, command), "--no-color", *options],
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )
    found = re.search(r"(\d+) generated", done.stdout)
    return Verdict(int(found[1]) if found else 0, "" if done.returncode == 0 else done.stdout + done.stderr)
