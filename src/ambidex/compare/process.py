"""A measuring process from outside: started fresh, asked line by line, ended; its failures are results."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from pathlib import Path

import msgspec

import ambidex
from ambidex.compare.worker import Answer, Seat

TIMEOUT_S = 600.0


class WorkerFailedError(Exception):
    """A measuring process could not go on; the text says why."""


class Process:
    """One process of one column, division and run."""

    def __init__(self, seat: Seat, folder: Path, *, cache: Path) -> None:
        folder.mkdir(parents=True)
        (folder / "seat.json").write_bytes(msgspec.json.encode(seat))
        self.seat = seat
        self.folder = folder
        self._errors = (folder / "stderr.txt").open("wb")
        self._process = subprocess.Popen(  # noqa: S603 - our own module, by our own interpreter
            [sys.executable, "-m", "ambidex.compare.worker", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=environment(seat, cache),
            start_new_session=True,  # Ctrl-C reaches the conductor alone, which ends the others
        )
        self._buffer = b""

    def ask(self, command: str) -> Answer:
        """The answer to a command. Raises `WorkerFailedError` where there is none."""
        self.tell(command)
        return self.hear(command)

    def tell(self, command: str) -> None:
        """Sends a command. Raises `WorkerFailedError` where nobody takes it."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(command.encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise WorkerFailedError(self._how_it_ended(command)) from None

    def hear(self, command: str) -> Answer:
        """Waits for the answer to a command that was told. Raises `WorkerFailedError` where there is none."""
        answer = msgspec.json.decode(self._line(command), type=Answer)
        if answer.error:
            raise WorkerFailedError(f"{command}: {answer.error}")
        return answer

    def _line(self, command: str) -> bytes:
        assert self._process.stdout is not None
        end = time.monotonic() + TIMEOUT_S
        while b"\n" not in self._buffer:
            ready, _, _ = select.select([self._process.stdout], [], [], max(end - time.monotonic(), 0.0))
            if not ready:
                raise WorkerFailedError(f"{command}: no answer within {TIMEOUT_S:g} s")
            part = os.read(self._process.stdout.fileno(), 1 << 20)
            if not part:
                raise WorkerFailedError(self._how_it_ended(command))
            self._buffer += part
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def _how_it_ended(self, command: str) -> str:
        status = self._process.wait(timeout=30)
        if status == -9:
            return f"{command}: the process was killed, most likely because memory ran out"
        text = (self.folder / "stderr.txt").read_text(encoding="utf-8", errors="replace").strip()
        last = text.splitlines()[-1] if text else "no message"
        return f"{command}: the process ended with status {status} ({last[:300]})"

    def end(self) -> None:
        """Ends the process, whatever it is doing."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._errors.close()


def environment(seat: Seat, cache: Path) -> dict[str, str]:
    """The variables of a measuring process: our own source first, equal threads, compilers' caches in one place."""
    threads = str(_threads(seat))
    kept = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    source = str(Path(ambidex.__file__).parent.parent)
    return {
        **kept,
        "PYTHONPATH": os.pathsep.join(part for part in (source, os.environ.get("PYTHONPATH", "")) if part),
        **({} if threads == "0" else {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}),
        "TORCHINDUCTOR_CACHE_DIR": str(cache),
        "TRITON_CACHE_DIR": str(cache / "triton"),
    }


def _threads(seat: Seat) -> int:
    from ambidex.compare.job import Job

    return msgspec.json.decode((Path(seat.job) / "job.json").read_bytes(), type=Job).plan.threads
