"""A foreign model: its process is started when it is first asked, restarted when it dies, and given up when it must be.

One thread per model does what it is asked in order, so that a slow, loading or dying one holds up nobody else.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from ambidex.errors import AmbidexError, expected
from ambidex.runtime.foreign import Kind
from ambidex.runtime.repository import Place, Served, file_stamp
from ambidex.runtime.rows import refusal
from ambidex.runtime.worker_protocol import Header, Interface, Message
from ambidex.server.request_error import RequestError
from ambidex.server.tensors import Wire

if TYPE_CHECKING:
    from concurrent.futures import Future

    from ambidex.server.foreign.process import WorkerProcess
    from ambidex.server.settings import Settings

State = Literal["idle", "loading", "up", "down", "broken"]
T = TypeVar("T")

MOST_STARTS = 3
"""A process that dies so often in a row while it loads is given up."""
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
"""Seconds before a restart: none the first time, then twice as long each time until one is answered."""
RETRY = 5
"""Seconds after which to try again, where it is not known how long loading takes."""


class ForeignModel(Served):
    """What is served under a name, and the process that runs it."""

    def __init__(self, place: Place, kind: Kind, settings: Settings) -> None:
        from concurrent.futures import ThreadPoolExecutor

        super().__init__(place, file_stamp(place.path))
        self.kind = kind
        self.state: State = "idle"
        self.reason = ""
        self.restarts = 0
        self.loading_seconds = 0.0
        self.log: Callable[[Mapping[str, object]], None] = lambda fields: None
        self.on_broken: Callable[[ForeignModel], None] = lambda model: None
        self._settings = settings
        self._interface: Interface | None = None
        self._process: WorkerProcess | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"ambidex-{self.name}")
        self._lock = threading.Lock()
        self._waiting = 0
        self._is_reviving = self._is_closed = False
        self._closing = threading.Event()
        self._deaths = 0
        self._resume_at = 0.0

    # What others see

    @property
    def is_up(self) -> bool:
        """Whether its process would answer now."""
        process = self._process
        return self.state == "up" and process is not None and process.is_alive

    @property
    def interface(self) -> Interface | None:
        """What it takes and gives; None before it was first loaded."""
        return self._interface

    @property
    def loaded(self) -> Interface:
        """The same where it has been loaded."""
        assert self._interface is not None
        return self._interface

    def not_ready(self) -> RequestError:
        """The error of a request that waited in vain."""
        waited = self._settings.limits.worker_wait
        message = f"Model {self.name!r} is {self.state}: no answer within {waited:g} s. Try again."
        return self._unavailable("not_ready", message, max(1, round(self.loading_seconds) or RETRY))

    def _unavailable(self, code: str, message: str, seconds: int) -> RequestError:
        return RequestError(503, code, message, headers=b"Retry-After: %d\r\n" % seconds)

    # What it is asked

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Does `work` in the model's thread once its process is up. Raises `RequestError` (503) if too many wait.

        A future that is cancelled before that is never begun. An error of the process ends in it as a `RequestError`.
        """
        from concurrent.futures import Future

        future: Future[T] = Future()
        with self._lock:
            if self._is_closed:
                raise self._unavailable("not_ready", f"Model {self.name!r} was just replaced. Try again.", 1)
            if self._waiting >= self._settings.limits.waiting:
                raise self._unavailable("overloaded", f"{self._waiting} requests wait for {self.name!r} already.", 1)
            self._waiting += 1
            self._thread.submit(self._do, future, work)
        future.add_done_callback(self._settle)
        return future

    def _settle(self, future: Future[Any]) -> None:
        del future
        with self._lock:
            self._waiting -= 1

    def _do(self, future: Future[T], work: Callable[[], T]) -> None:
        if future.cancelled():
            return
        try:
            self._ensure_up()
        except AmbidexError as error:
            if future.set_running_or_notify_cancel():
                future.set_exception(error)
            return
        if not future.set_running_or_notify_cancel():
            return
        try:
            future.set_result(work())
        except Exception as error:  # noqa: BLE001 - handed on, not swallowed
            future.set_exception(error)

    def wait(self, work: Callable[[], T]) -> T:
        """What `work` gives, for a caller that may block. Raises `RequestError` (503) if it does not begin in time."""
        from concurrent.futures import TimeoutError as TooLong

        future = self.submit(work)
        try:
            return future.result(timeout=self._settings.limits.worker_wait)
        except TooLong:
            if future.cancel():
                raise self.not_ready() from None
            return future.result()

    def load(self) -> None:
        """Starts the process and waits for it. Raises `RequestError` if it cannot be loaded."""
        self.submit(lambda: None).result()

    def begin(self) -> bool:
        """Whether its process would answer now; has it started, without waiting, where nobody asked before."""
        if self.state == "idle":
            self._revive()
        return self.is_up

    def run(self, inputs: Sequence[Wire], wanted: Sequence[str]) -> list[Wire]:
        """The outputs, for work in the model's thread.

        Raises `DataError` if the model refuses the values, `RequestError` (503) if its process dies of them.
        """
        assert self._process is not None
        headers = tuple(
            Header(name=wire.name, datatype=wire.datatype, shape=wire.shape, size=memoryview(wire.data).nbytes)  # type: ignore[arg-type]
            for wire in inputs
        )
        message = Message(kind="run", tensors=headers, wanted=tuple(wanted))
        contents = [memoryview(wire.data) for wire in inputs]  # type: ignore[arg-type]
        answer, given = self._ask(message, contents, self._settings.limits.worker_time)
        self._deaths = 0
        if answer.kind != "answered":
            reason = expected("values that the model takes", got=answer.text.rstrip("."))
            raise refusal("refused_values", reason, "inputs")
        return [
            Wire(name=header.name, datatype=header.datatype, shape=header.shape, data=content)
            for header, content in zip(answer.tensors, given, strict=True)
        ]

    # The process, by the model's thread

    def _ask(
        self, message: Message | None, contents: Sequence[memoryview], limit_s: float
    ) -> tuple[Message, list[memoryview]]:
        from ambidex.server.foreign.process import WorkerDied

        assert self._process is not None
        try:
            return self._process.ask(message, contents, limit_s=limit_s)
        except WorkerDied as error:
            self._note_death(str(error))
            message_ = f"The process of model {self.name!r} is gone: {error}. It is started anew; try again."
            raise self._unavailable("worker_died", message_, max(1, round(self.loading_seconds))) from None

    def _note_death(self, how: str) -> None:
        self._process = None
        self.state, self.reason = "down", how
        self._deaths += 1
        pause = min(FIRST_PAUSE * 2 ** (self._deaths - 2), LONGEST_PAUSE) if self._deaths > 1 else 0.0
        self._resume_at = monotonic() + pause
        if not self._closing.is_set():
            self.log({"event": "worker_died", "model": self.name, "version": self.version, "error": how})

    def _ensure_up(self) -> None:
        """Starts the process until it is up. Raises `RequestError` if it is given up."""
        if self._process is not None and not self._process.is_alive:
            self._note_death(self._process.bury())
        starts = 0
        while self._process is None:
            if self.state == "broken":
                raise self._unavailable("model_broken", f"Model {self.name!r} cannot be loaded: {self.reason}", 60)
            if self._closing.wait(max(0.0, self._resume_at - monotonic())):
                raise self._unavailable("not_ready", f"Model {self.name!r} is on its way out.", 1)
            starts += 1
            self._start(is_last=starts == MOST_STARTS)

    def _start(self, *, is_last: bool) -> None:
        """One start. Where it dies, nothing is raised; where its framework refuses the file, the model is broken."""
        from ambidex.server.foreign.process import WorkerProcess

        self.restarts += self.state == "down"
        self.state = "loading"
        started = monotonic()
        trust = ["--trust"] if self._settings.trust else []
        arguments = [self.kind.name, self.path, *trust]
        self._process = WorkerProcess(arguments, threads=self._settings.threads, on_line=self._note_line)
        if self._closing.is_set():
            self._process.kill()
        try:
            answer, _ = self._ask(None, (), self._settings.limits.worker_start)
        except RequestError:
            if is_last:
                self._give_up(f"Expected a process that loads it, got {MOST_STARTS} that did not: {self.reason}.")
            return
        if answer.interface is None:
            self._process.bury()
            self._process = None
            self._give_up(answer.text)
            return
        self._interface = answer.interface
        self.loading_seconds = monotonic() - started
        self.state, self.reason = "up", ""
        self.log({"event": "worker_up", "model": self.name, "version": self.version, "seconds": self.loading_seconds})

    def _give_up(self, reason: str) -> None:
        self.state, self.reason = "broken", reason
        self.on_broken(self)

    def _note_line(self, line: str) -> None:
        if line:
            self.log({"event": "worker_says", "model": self.name, "text": line})

    # What the loop and the loader do

    def look_after(self) -> None:
        """Ends a process that is stuck, and has one that died started again. To be called often, by one thread."""
        process = self._process
        if process is not None:
            process.check_deadline()
        if self.state == "down" or (self.state == "up" and not self.is_up):
            self._revive()

    def _revive(self) -> None:
        with self._lock:
            if not self._is_reviving and not self._is_closed:
                self._is_reviving = True
                self._thread.submit(self._bring_up)

    def _bring_up(self) -> None:
        try:
            self._ensure_up()
        except AmbidexError:
            pass  # `state` and `reason` tell, and so does the log
        finally:
            self._is_reviving = False

    def close(self, *, is_urgent: bool = False) -> None:
        """Ends the process once what was asked is answered; when urgent, at once."""
        if is_urgent:
            self._closing.set()
            if (process := self._process) is not None:
                process.kill()
        with self._lock:
            self._is_closed = True
            self._thread.submit(self._finish)
        self._thread.shutdown(wait=is_urgent)

    def _finish(self) -> None:
        self._closing.set()
        if self._process is not None:
            self._process.bury()
            self._process = None
