"""The worker processes of a server, found from outside."""

from __future__ import annotations

import time
from pathlib import Path

from tests.server.running import Server


def workers_of(server: Server) -> list[int]:
    """The process ids of a server's workers."""
    tasks = Path(f"/proc/{server.process.pid}/task").glob("*/children")
    return sorted(int(number) for task in tasks for number in task.read_text().split())


def is_running(number: int) -> bool:
    """Whether a process runs; one that ended and was not waited for does not."""
    try:
        return ") Z " not in Path(f"/proc/{number}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):  # gone before it was opened, or before it was read
        return False


def wait_for(server: Server, name: str, state: str = "up") -> None:
    """Has a model loaded, and waits until it is in a state; importing a framework takes long on a busy machine."""
    end = time.monotonic() + 120
    while (found := server.get(f"/v2/models/{name}/ready").json["state"]) != state:
        assert found in ("idle", "loading"), f"{name} is {found}"
        assert time.monotonic() < end, f"{name} is still {found}"
        time.sleep(0.1)
