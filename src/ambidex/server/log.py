"""The log: a line of JSON per event on standard error, written by a thread so that nobody waits for who reads it."""

from __future__ import annotations

import contextlib
import os
import select
import sys
import threading
import time
from collections.abc import Mapping
from queue import Empty, SimpleQueue

import msgspec

from ambidex.server.metrics import Counter

MAX_LINES = 10_000
"""Lines that may wait; those beyond are dropped and counted."""
LAST_S = 1.0
"""How long the end of the server waits for the last lines to be written."""
_AT_ONCE = 256

Fields = Mapping[str, object]


def line_of(fields: Fields) -> bytes:
    """The event with its time, in seconds since 1970."""
    return msgspec.json.encode({"time": round(time.time(), 3), **fields}) + b"\n"


class Log:
    """Takes events from any thread. A full pipe that nobody empties costs lines, never answers."""

    def __init__(self) -> None:
        self.dropped = Counter("ambidex_log_lines_dropped_total", "Lines of the log that nobody took in time.", ())
        self._lines: SimpleQueue[bytes | None] = SimpleQueue()
        self._lost = 0
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def write(self, fields: Fields) -> None:
        """Hands a line to the writer."""
        if self._lines.qsize() >= MAX_LINES:
            self._lost += 1
            self.dropped.add(())
            return
        self._lines.put(line_of(fields))
        if self._thread is None:
            self._start()

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="ambidex-log", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        while (line := self._lines.get()) is not None:
            lines = [line]
            with contextlib.suppress(Empty):
                while len(lines) < _AT_ONCE and (line := self._lines.get_nowait()) is not None:
                    lines.append(line)
            if not _write(b"".join(lines)):
                return
            if self._lost:
                lost, self._lost = self._lost, 0
                _write(line_of({"event": "log dropped", "lines": lost}))
            if line is None:
                return

    def close(self) -> None:
        """Waits a moment for what was handed over."""
        if self._thread is not None:
            self._lines.put(None)
            self._thread.join(LAST_S)


def _write(data: bytes) -> bool:
    """Writes to standard error; False if nobody will ever read there."""
    try:
        descriptor = sys.stderr.fileno()
        while data:
            data = data[os.write(descriptor, data) :]
    except (OSError, ValueError, AttributeError):
        return False
    return True


def write_now(fields: Fields) -> None:
    """Writes a line without a thread, for a process that forks; drops it where the reader is behind."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        descriptor = sys.stderr.fileno()
        if select.select([], [descriptor], [], 0)[1]:
            os.write(descriptor, line_of(fields)[: select.PIPE_BUF])
