"""The worker processes of a server, found from outside."""

from __future__ import annotations

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
    except FileNotFoundError:
        return False
