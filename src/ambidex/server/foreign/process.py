"""A worker process: started, asked one thing at a time, listened to, and killed when it is stuck."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from time import monotonic

import ambidex
from ambidex.runtime.worker_protocol import Message, read_message, write_message

ENTRY = "ambidex.ingest.serve_worker"
_LAST_LINES = 20
_LONGEST_LINE = 500
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")
"""Where the frameworks look for how many threads may work inside one operator."""
_NEVER = float("inf")
_MOMENT = 1.0


class WorkerDied(Exception):  # noqa: N818 - an event, which the model turns into an error
    """The process ended, or was ended, before it answered; the text says how."""


class WorkerProcess:
    """One process. `ask` belongs to one thread, which has to live as long as the process; the rest to any."""

    def __init__(self, arguments: Sequence[str], *, threads: int, on_line: Callable[[str], None]) -> None:
        command = [sys.executable, "-P", "-m", ENTRY, *arguments]
        # -P: no module of whatever folder this was started in. A session of its own: Ctrl-C in the terminal is for the
        # server, which drains first.
        self._process = subprocess.Popen(  # noqa: S603 - our own module, by our own interpreter
            command,
            env=_environment(threads),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self._deadline = _NEVER
        self._limit = 0.0
        self._is_late = False
        self._lines: deque[str] = deque(maxlen=_LAST_LINES)
        self._listener = threading.Thread(target=self._listen, args=(on_line,), daemon=True)
        self._listener.start()

    @property
    def number(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, message: Message | None, contents: Sequence[memoryview] = (), *, limit_s: float) -> Received:
        """The answer to a message (None: its first word). Raises `WorkerDied`, also after `limit_s` seconds."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._limit, self._deadline = limit_s, monotonic() + limit_s
        try:
            if message is not None:
                write_message(self._process.stdin, message, contents)
            received = read_message(self._process.stdout)
        except (OSError, ValueError):  # nobody reads, or what came is no message: it is on its way out, or confused
            received = None
        self._deadline = _NEVER
        if received is None:
            raise WorkerDied(self.bury())
        return received

    def check_deadline(self) -> None:
        """Ends the process if it has not answered in time."""
        if self._deadline < monotonic():
            self._is_late = True
            self.kill()

    def kill(self) -> None:
        """Ends the process and what it started, at once: it holds nothing that could be lost."""
        if self.is_alive:
            with suppress(OSError):
                os.killpg(self._process.pid, signal.SIGKILL) if sys.platform != "win32" else self._process.kill()

    def bury(self) -> str:
        """Ends it, waits until it is gone, and says how it went. For the thread that asks."""
        with suppress(subprocess.TimeoutExpired):  # its pipes close a moment before it is gone
            self._process.wait(timeout=0 if self._is_late else _MOMENT)
        was_alive = self.is_alive
        self.kill()
        self._process.wait()
        self._listener.join(timeout=1)
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):  # what was still to be written to a dead process
                if pipe is not None:
                    pipe.close()
        if self._is_late:
            return f"it had no answer after {self._limit:g} s"
        if was_alive:
            return "it answered with something else than a message"
        status = self._process.returncode
        how = f"it was killed by signal {-status}" if status < 0 else f"it ended with status {status}"
        last = next((line for line in reversed(self._lines) if line.strip()), "")
        return f"{how} ({last})" if last and status > 0 else how

    def _listen(self, on_line: Callable[[str], None]) -> None:
        """Reads what the framework or the model prints."""
        assert self._process.stderr is not None
        with self._process.stderr as stream:
            while raw := stream.readline(_LONGEST_LINE):
                line = raw.decode(errors="replace").rstrip()
                self._lines.append(line)
                on_line(line)


Received = tuple[Message, list[memoryview]]


def _environment(threads: int) -> dict[str, str]:
    """This process's, with the number of threads where the user has not said it, and this ambidex first."""
    count = str(threads or os.cpu_count() or 1)
    source = os.path.dirname(os.path.dirname(ambidex.__file__))
    paths = os.pathsep.join(part for part in (source, os.environ.get("PYTHONPATH", "")) if part)
    return dict.fromkeys(_THREADS, count) | dict(os.environ) | {"PYTHONPATH": paths, "PYTHONUNBUFFERED": "1"}
