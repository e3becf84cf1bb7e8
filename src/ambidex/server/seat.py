"""The place of one of several processes: its number, its listening socket, and its line to the supervisor."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import msgspec

from ambidex.errors import AmbidexError

if TYPE_CHECKING:
    import asyncio


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a process says once: what it serves, or why it cannot (the error's class, message and place)."""

    announcement: dict[str, object] = {}
    error: tuple[str, str, str] | None = None


class Seat:
    """Made by the supervisor, used in the process it started. Numbers begin with 1."""

    def __init__(self, number: int, total: int, folder: str, listener: socket.socket, *, is_first: bool) -> None:
        """`is_first` where nobody has answered yet, so that an error may still end the server."""
        self.number = number
        self.total = total
        self.listener = listener
        self.is_first = is_first
        self._folder = folder
        self.report_end = -1
        self.life_end = -1

    def address(self, number: int) -> str:
        """The Unix socket of the process with this number."""
        return os.path.join(self._folder, str(number))

    def announce(self, document: dict[str, object]) -> None:
        """Tells the supervisor that this process answers."""
        self._report(Report(announcement=document))

    def give_up(self, error: AmbidexError) -> None:
        """Tells the supervisor why this process cannot serve, instead of announcing."""
        self._report(Report(error=(type(error).__name__, error.message, error.where or "")))

    def _report(self, report: Report) -> None:
        with os.fdopen(self.report_end, "wb") as line:
            line.write(msgspec.json.encode(report))

    def outlive(self, loop: asyncio.AbstractEventLoop, stop: asyncio.Future[None]) -> None:
        """Settles `stop` when the supervisor is gone, however it went: its end of the line closes with it."""

        def ended() -> None:
            loop.remove_reader(self.life_end)
            if not stop.done():
                stop.set_result(None)

        loop.add_reader(self.life_end, ended)
