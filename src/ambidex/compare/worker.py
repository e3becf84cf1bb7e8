"""One measuring process: `python -m ambidex.compare.worker FOLDER`; commands on standard input, answers as JSON lines.

The folder holds a job and `seat.json`: which column. A command is a word and a division. Every answer is one line; what
a framework prints goes to standard error.
"""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import msgspec

from ambidex.compare.column import Column, Division


class Seat(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who sits in this process: `seed` is the run's own."""

    column: Column
    seed: int
    job: str


class Answer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Measured values by quantity, facts in words, and what went wrong, if anything did."""

    values: dict[str, list[float]] = {}
    facts: dict[str, str] = {}
    error: str = ""


class Worker:
    """Does what it is told, and times it."""

    def __init__(self, folder: Path, commands: IO[str], answers: IO[bytes]) -> None:
        self._folder, self._commands, self._answers = folder, commands, answers
        self._seat = msgspec.json.decode((folder / "seat.json").read_bytes(), type=Seat)
        self._do: dict[str, Callable[[], Answer | None]] = {
            "import": self._import,
            "create": self._create,
            "first_step": self._first_step,
            "warm_up": self._warm_up,
            "epoch": self._fit,
            "open": self._open,
            "predict": self._predict,
            "finish": self._finish,
        }

    def serve(self) -> None:
        """Answers commands until there are none."""
        for command, division in self._read():
            self._division: Division = division
            answer = self._do[command]()
            if answer is not None:
                self._send(answer)

    def _read(self) -> Iterator[tuple[str, Division]]:
        while line := self._commands.readline().strip():
            command, _, division = line.partition(" ")
            yield command, msgspec.convert(division, Division)

    def _send(self, answer: Answer) -> None:
        self._answers.write(msgspec.json.encode(answer) + b"\n")
        self._answers.flush()

    def _import(self) -> Answer:
        from ambidex.compare.contender import load_engine

        took, _, _ = self._timed(lambda: load_engine(self._seat.column.engine))
        return Answer(values={"import_s": [took], "import_memory_mib": [peak_memory_mib()]})

    def _create(self) -> Answer:
        from ambidex.compare.contender import make_contender
        from ambidex.compare.job import Prepared, read_job

        self._contender: Any = None
        gc.collect()  # of the division before
        read = read_job(Path(self._seat.job))
        plan = msgspec.structs.replace(read.job.plan, seed=self._seat.seed)
        job = msgspec.structs.replace(read.job, plan=plan)
        self._prepared = Prepared(job=job, train=read.train, validation=read.validation, graphs=read.graphs)

        def make() -> Any:
            made = make_contender(self._seat.column, self._division, self._prepared, self._folder)
            made.create()
            return made

        took, _, self._contender = self._timed(make)
        return Answer(values={"create_s": [took]}, facts=self._contender.facts())

    def _first_step(self) -> Answer:
        took, _, losses = self._timed(self._contender.first_step)
        return Answer(values={"first_step_s": [took], "first_loss": losses})

    def _warm_up(self) -> Answer:
        took, _, _ = self._timed(self._contender.warm_up)
        loss = self._loss()
        return Answer(values={"warm_up_s": [took], "validation_loss": [loss]})

    def _fit(self) -> None:
        """The first epoch's command has been read; the others are read between the epochs."""
        began = [0.0, 0.0]
        is_first = True

        def turn(begins: bool) -> None:
            nonlocal is_first
            if begins:
                if not is_first:
                    assert self._commands.readline().startswith("epoch")
                is_first = False
                began[:] = time.perf_counter(), time.process_time()
                return
            wall, cpu = time.perf_counter() - began[0], time.process_time() - began[1]
            spent = self._slow_down(wall)
            values = {"epoch_s": [wall + spent], "epoch_cpu_s": [cpu + spent]}
            self._send(Answer(values=values | {"validation_loss": [self._loss()]}))

        self._contender.fit(turn)

    def _loss(self) -> float:
        from ambidex.compare.quality import validation_loss

        return validation_loss(self._prepared.job, self._prepared.validation, self._contender.raw())

    def _open(self) -> Answer:
        """The first calls compile and are no part of what follows."""
        from ambidex.compare.quality import quality

        values: dict[str, list[float]] = {}
        if self._seat.column.trains:
            raw = self._contender.raw()
            values["quality"] = [quality(self._prepared.job, self._prepared.validation, raw)]
            values["step_loss"] = self._contender.step_losses()
        took, _, predict = self._timed(self._contender.open_predictor)
        names, validation = self._prepared.graphs[self._division].prepared, self._prepared.validation
        self._call = predict
        self._sets = []
        for count in (1, self._prepared.job.many_rows):
            inputs = validation.repeated(count)
            self._sets.append([inputs[name] for name in names])
        first, _, _ = self._timed(lambda: [predict(inputs) for inputs in self._sets])
        for warm in self._sets:
            self._calls(warm, 5)
        return Answer(values=values | {"open_s": [took + first]})

    def _predict(self) -> Answer:
        one, many = self._sets
        job = self._prepared.job
        return Answer(
            values={
                "one_row_s": self._calls(one, job.one_row_calls),
                "many_rows_s": self._calls(many, job.many_rows_calls),
            }
        )

    def _calls(self, inputs: list[Any], most: int) -> list[float]:
        """Seconds of each of several calls, two at least."""
        end = time.perf_counter() + self._prepared.job.block_s
        took: list[float] = []
        while len(took) < 2 or (len(took) < most and time.perf_counter() < end):
            took.append(self._timed(lambda: self._call(inputs))[0])
        return took

    def _finish(self) -> Answer:
        device = self._contender.peak_device_bytes()
        values = {"memory_mib": [peak_memory_mib()]}
        return Answer(values=values | ({"device_memory_mib": [device / 2**20]} if device else {}))

    def _timed(self, do: Callable[[], Any]) -> tuple[float, float, Any]:
        """Seconds on the clock, seconds of processor time, and the result."""
        wall, cpu = time.perf_counter(), time.process_time()
        result = do()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        spent = self._slow_down(wall)
        return wall + spent, cpu + spent, result

    def _slow_down(self, wall_s: float) -> float:
        """Computes nothing for the column's share of what a call took; how long that was."""
        if not self._seat.column.slowdown:
            return 0.0
        began = time.perf_counter()
        while time.perf_counter() - began < self._seat.column.slowdown * wall_s:
            pass
        return time.perf_counter() - began


def peak_memory_mib() -> float:
    """The most memory that was resident in this process, from the kernel's own count.

    Linux keeps `ru_maxrss` over `exec`, so a child would begin with its parent's; `VmHWM` belongs to the program.
    """
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        import resource

        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most / 2**20 if sys.platform == "darwin" else most / 2**10
    return next(int(line.split()[1]) / 2**10 for line in lines if line.startswith("VmHWM:"))


def main(folder: Path) -> int:
    """Serves until standard input ends; 1 after an error, which the last answer tells."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    worker = Worker(folder, sys.stdin, answers)
    try:
        worker.serve()
    except Exception as error:  # noqa: BLE001 - whatever a framework raises is a finding of the comparison
        text = getattr(error, "message", "") or f"{type(error).__name__}: {str(error).strip()[:400]}"
        answers.write(msgspec.json.encode(Answer(error=text)) + b"\n")
        answers.flush()
        return 1
    return 0


if __name__ == "__main__":
    status = main(Path(sys.argv[1]))
    sys.stderr.flush()
    os._exit(status)  # everything is answered; frameworks take a second or more to take themselves apart
