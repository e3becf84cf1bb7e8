"""tritonclient, which nobody here wrote, works unchanged."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.server.models import write_adult, write_houses
from tests.server.running import running

ROOT = Path(__file__).parent.parent.parent


def test_every_call_is_answered(tmp_path: Path) -> None:
    for library in ("grpc", "tritonclient", "geventhttpclient", "aiohttp"):
        pytest.importorskip(library, reason=f"{library} is not installed")
    write_adult(tmp_path)
    write_houses(tmp_path)
    with running([tmp_path], {"grpc_port": 0, "allow_control": True, "is_quiet": True}) as server:
        addresses = [f"{server.host}:{server.port}", server.announced["grpc"]]
        command = [sys.executable, "-m", "tests.clients.triton_calls", *addresses]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
