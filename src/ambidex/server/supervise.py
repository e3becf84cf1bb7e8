"""`ambidex serve --processes N`: starts the processes, starts those anew that die, and ends with all of them.

The supervisor itself loads no model and starts no thread, so that it may fork at any time. It holds every listening
socket: connections to a process that died wait for the one that takes its seat.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence

import msgspec

from ambidex import errors
from ambidex.errors import AmbidexError, TrainingError, UsageError, expected
from ambidex.server.log import write_now
from ambidex.server.seat import Report, Seat
from ambidex.server.serve import Loading, announce, listen, run
from ambidex.server.settings import Settings

PAUSES_S = (0.0, 0.5, 1.0, 2.0, 5.0)
"""How long to wait before a process is started anew, after so many that ended young."""
YOUNG_S = 10.0
"""A process that ended before this age has probably not ended by chance."""
GRACE_S = 5.0
"""How much longer than its own drain time a process may take to end."""
_CAN_SHARE_PORT = sys.platform.startswith("linux")
"""Whether the system spreads connections over several sockets with one address; elsewhere all accept from one."""


def supervise(paths: Sequence[str], settings: Settings) -> None:
    """Serves in `settings.processes` processes until SIGTERM or SIGINT. Raises what keeps the first ones from serving.

    Raises `UsageError` on Windows, and for what only one process can do.
    """
    if not hasattr(os, "fork"):
        message = expected("one process on this system", got=f"--processes {settings.processes}")
        raise UsageError(message, where="--processes")
    if settings.allow_control:
        fix = "Models follow their files in all processes."
        message = expected("--allow-control with one process", got=f"--processes {settings.processes}", fix=fix)
        raise UsageError(message, where="--allow-control")
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="ambidex-"))
        wake = stack.enter_context(_signals())
        settings = _with_ports(settings, stack)
        if not settings.threads:
            share = max((os.cpu_count() or 1) // settings.processes, 1)
            settings = msgspec.structs.replace(settings, threads=share)
        Supervisor(paths, settings, folder=folder, wake=wake).live()


def _with_ports(settings: Settings, stack: contextlib.ExitStack) -> Settings:
    """The settings with the ports that all processes will share; a free one is chosen for 0 and kept."""
    with contextlib.closing(listen(settings.host, settings.port)) as probe:  # refuses a port that is taken
        port = probe.getsockname()[1]
    if settings.grpc_port is None:
        return msgspec.structs.replace(settings, port=port)
    with contextlib.closing(listen(settings.host, settings.grpc_port)) as probe:
        address = probe.getsockname()
    kept = stack.enter_context(socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET))
    kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    kept.bind(address)
    return msgspec.structs.replace(settings, port=port, grpc_port=address[1])


@contextlib.contextmanager
def _signals() -> Iterator[int]:
    """A file that becomes readable when a signal has come."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)
    before = {number: signal.signal(number, lambda *_: None) for number in numbers}
    old = signal.set_wakeup_fd(writing)
    try:
        yield reading
    finally:
        signal.set_wakeup_fd(old)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(reading)
        os.close(writing)


class Process:
    """One seat and who is on it: `pid` is 0 while nobody is; `due` is when to start one."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.pid = 0
        self.due = 0.0
        self.born = 0.0
        self.deaths = 0
        self.listener: socket.socket | None = None
        self.report_end = -1
        self.said = b""
        self.is_answering = False


class Supervisor:
    """Watches the processes."""

    def __init__(self, paths: Sequence[str], settings: Settings, *, folder: str, wake: int) -> None:
        self._paths = list(paths)
        self._settings = settings
        self._folder = folder
        self._wake = wake
        self._life = os.pipe()
        self._processes = [Process(number) for number in range(1, settings.processes + 1)]
        self._is_announced = False
        self._is_stopping = False
        self._last_moment = float("inf")
        self._error: AmbidexError | None = None

    def live(self) -> None:
        """Until all processes have ended."""
        try:
            for process in self._processes:
                self._seat(process)
            while not self._is_stopping or any(process.pid for process in self._processes):
                self._start_due()
                self._wait()
                self._reap()
        finally:
            self._stop()
            for process in self._processes:
                self._vacate(process)
        if self._error is not None:
            raise self._error

    def _seat(self, process: Process) -> None:
        """Gives the process a socket of its own, or the first one's where the system cannot share an address."""
        first = self._processes[0].listener
        if first is not None and not _CAN_SHARE_PORT:
            process.listener = first.dup()
            return
        process.listener = listen(self._settings.host, self._settings.port, is_shared=_CAN_SHARE_PORT)

    def _vacate(self, process: Process) -> None:
        if process.listener is not None:
            process.listener.close()
            process.listener = None

    def _start_due(self) -> None:
        now = time.monotonic()
        for process in self._processes:
            if not process.pid and not self._is_stopping and process.due <= now:
                if process.listener is None:
                    self._seat(process)
                self._fork(process)

    def _fork(self, process: Process) -> None:
        assert process.listener is not None
        reading, writing = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            self._become(process, reading, writing)
        os.close(writing)
        process.pid, process.report_end = pid, reading
        process.born, process.said, process.is_answering = time.monotonic(), b"", False

    def _become(self, process: Process, reading: int, writing: int) -> None:
        """Lives the process's life in the child; never returns."""
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            for end in (self._wake, self._life[1], reading):
                os.close(end)
            for other in self._processes:
                if other is not process:
                    self._vacate(other)
            assert process.listener is not None
            seat = Seat(
                process.number,
                len(self._processes),
                self._folder,
                process.listener,
                is_first=not self._is_announced,
            )
            seat.report_end, seat.life_end = writing, self._life[0]
            status = sit(self._paths, self._settings, seat)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def _wait(self) -> None:
        """Until a signal or a report has come, or something is due."""
        dues = [process.due for process in self._processes if not process.pid and not self._is_stopping]
        pause = min([*dues, self._last_moment]) - time.monotonic()
        ends = {process.report_end: process for process in self._processes if process.report_end >= 0}
        ready, _, _ = select.select([self._wake, *ends], [], [], max(min(pause, 60.0), 0.0))
        for end in ready:
            if end == self._wake:
                self._take_signals()
            else:
                self._listen(ends[end])
        if time.monotonic() >= self._last_moment:
            self._send(signal.SIGKILL)

    def _take_signals(self) -> None:
        numbers = os.read(self._wake, 4096)
        if signal.SIGTERM in numbers or signal.SIGINT in numbers:
            self._stop()

    def _stop(self) -> None:
        """Asks all processes to end, and lets no new connection in."""
        if not self._is_stopping:
            self._is_stopping = True
            self._last_moment = time.monotonic() + self._settings.limits.drain_time + GRACE_S
            self._send(signal.SIGTERM)
            for process in self._processes:
                self._vacate(process)

    def _send(self, number: signal.Signals) -> None:
        for process in self._processes:
            if process.pid:
                os.kill(process.pid, number)

    def _listen(self, process: Process) -> None:
        """Takes what a process reports."""
        part = os.read(process.report_end, 65536)
        process.said += part
        if part:
            return
        os.close(process.report_end)
        process.report_end = -1
        if not process.said:
            return  # it died before it had anything to say; reaping it says so
        report = msgspec.json.decode(process.said, type=Report)
        if report.error is not None:
            self._take_error(process, report.error)
            return
        process.is_answering = True
        if not self._is_announced and all(one.is_answering for one in self._processes):
            self._is_announced = True
            announce(report.announcement, json_output=self._settings.json_output)

    def _take_error(self, process: Process, error: tuple[str, str, str]) -> None:
        """Before all have answered an error is the server's; later it is logged, and the others take its part."""
        name, message, where = error
        if self._is_announced:
            write_now({"event": "process refused", "process": process.number, "error": message})
            self._vacate(process)
            return
        kind = getattr(errors, name, AmbidexError)
        self._error = self._error or kind(message, where=where)
        self._stop()

    def _reap(self) -> None:
        for process in self._processes:
            if not process.pid:
                continue
            pid, status = os.waitpid(process.pid, os.WNOHANG)
            if pid:
                self._bury(process, os.waitstatus_to_exitcode(status))

    def _bury(self, process: Process, status: int) -> None:
        pid, process.pid = process.pid, 0
        while process.report_end >= 0:  # what it said last
            self._listen(process)
        if self._is_stopping:
            return
        now = time.monotonic()
        process.deaths = process.deaths + 1 if now - process.born < YOUNG_S else 0
        if not self._is_announced and process.deaths > 2:
            message = expected("a process that serves", got=f"one that ended with status {status} three times")
            self._error = TrainingError(message)
            self._stop()
        if not status and _CAN_SHARE_PORT:
            self._vacate(process)  # asked to end, it closed its socket to newcomers: the next one gets another
        process.due = now + PAUSES_S[min(process.deaths, len(PAUSES_S) - 1)]
        write_now({"event": "process ended", "process": process.number, "pid": pid, "status": status})


def sit(paths: Sequence[str], settings: Settings, seat: Seat) -> int:
    """Serves on the seat; the exit status."""
    try:
        run(Loading(paths, lambda: settings, is_strict=seat.is_first), seat.listener, settings, seat=seat)
    except AmbidexError as error:
        seat.give_up(error)
        return error.exit_status
    return 0
