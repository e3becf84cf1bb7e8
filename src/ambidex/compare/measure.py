"""Measures columns side by side: fresh processes every run, turns in the order A-B-B-A.

The processes of one run live at the same time and work one at a time: A trains an epoch, then B one, then B the next
and A the next. A busy moment of the machine therefore falls on neighbours, whose quotient it leaves alone.

A process goes through the divisions one after the other, because importing a framework takes longer than most of what
is measured. What only a fresh process shows is kept of the division that came first: of each in half of the runs, or of
Defaults alone where half of them would be too few.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ambidex.compare.column import DIVISIONS, Column, Division
from ambidex.compare.contender import write_network
from ambidex.compare.job import Prepared, write_job
from ambidex.compare.process import Process, WorkerFailedError
from ambidex.compare.sample import Failure, Sample
from ambidex.compare.worker import Answer, Seat

START: tuple[str, ...] = ("create", "first_step", "warm_up")
FRESH: frozenset[str] = frozenset(
    {"import_s", "import_memory_mib", "create_s", "first_step_s", "memory_mib", "device_memory_mib"}
)
"""Quantities that a process which has measured another division would tell wrongly."""
TRAINING: frozenset[str] = frozenset({"first_step", "warm_up", "epoch"})
WEIGHTS: dict[str, int] = {"import": 20, "create": 8, "first_step": 8, "warm_up": 6, "open": 4, "epoch": 2}
"""How long commands take beside each other, roughly; the others count 1. The time left is guessed from it."""
ENOUGH = 6
"""From so many runs on, every other one begins with the other division."""
LAST = "one_row_s"
"""What a column has samples of only where it came to its end."""

Values = dict[tuple[str, str], list[float]]
"""Column and quantity to what was measured so far in a run."""


class Listener(Protocol):
    """Who hears of samples as they come."""

    def on_sample(self, sample: Sample) -> None: ...
    def on_failure(self, failure: Failure) -> None: ...
    def on_command(self, done: int, total: int, text: str) -> None: ...


@dataclass(kw_only=True)
class Measurement:
    """All samples of a comparison, the failures, and what each column's process said about itself.

    `num_known` runs were not measured but known before.
    """

    samples: list[Sample] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    facts: dict[str, dict[str, str]] = field(default_factory=dict)
    num_known: int = 0


def measure(
    prepared: Prepared,
    columns: Sequence[Column],
    *,
    runs: int,
    folder: Path,
    listener: Listener,
    known: Sequence[Sample] = (),
) -> Measurement:
    """Measures every column in both divisions, `runs` times; runs that `known` holds completely are not repeated."""
    job_folder = folder / "job"
    job_folder.mkdir(parents=True)
    write_job(job_folder, prepared)
    rounds = [run for run in range(runs) if not _is_known(known, run, columns)]
    whole = set(range(runs)).difference(rounds)
    # What is left of a run that was cut off belongs to no run that is whole.
    found = Measurement(samples=[sample for sample in known if sample.run in whole], num_known=len(whole))
    asked = [_commands(prepared, column, is_fresh=at == 0) for column in columns for at in range(len(column.divisions))]
    total = len(rounds) * sum(map(_weight, asked))
    progress = _Progress(listener, total)
    for run in rounds:
        order = DIVISIONS[::-1] if runs >= ENOUGH and run % 2 == 1 else DIVISIONS
        _Round(prepared, job_folder, folder / str(run), progress, found).measure(run, columns, order)
    return found


def _of(columns: Sequence[Column], division: Division) -> list[Column]:
    return [column for column in columns if division in column.divisions]


def _is_known(known: Sequence[Sample], run: int, columns: Sequence[Column]) -> bool:
    """Whether every column came to its predictions in every division."""
    ended = {(sample.division, sample.column) for sample in known if (sample.run, sample.quantity) == (run, LAST)}
    return ended >= {(division, column.name) for column in columns for division in column.divisions}


def _asked_in_a_division(prepared: Prepared) -> list[str]:
    """What a process is asked in one division."""
    job = prepared.job
    return [*START, *["epoch"] * job.plan.epochs, "open", *["predict"] * job.blocks, "finish"]


def _commands(prepared: Prepared, column: Column, *, is_fresh: bool) -> list[str]:
    """What a column's process is asked in a division if nothing fails."""
    asked = [*(["import"] if is_fresh else []), *_asked_in_a_division(prepared)]
    return [command for command in asked if column.trains or command not in TRAINING]


def _weight(commands: Sequence[str]) -> int:
    return sum(WEIGHTS.get(command, 1) for command in commands)


class _Progress:
    """Counts commands by their weight."""

    def __init__(self, listener: Listener, total: int) -> None:
        self.listener = listener
        self._total = total
        self._done = 0

    def step(self, text: str, weight: int) -> None:
        self._done += weight
        self.listener.on_command(self._done, self._total, text)


class _Round:
    """One run: a fresh process per column, which goes through the divisions."""

    def __init__(
        self, prepared: Prepared, job_folder: Path, folder: Path, progress: _Progress, found: Measurement
    ) -> None:
        self._prepared, self._job_folder, self._folder = prepared, job_folder, folder
        self._progress, self._found = progress, found
        self._processes: dict[str, Process] = {}
        self._cold: set[str] = set()

    def measure(self, run: int, columns: Sequence[Column], order: Sequence[Division]) -> None:
        """Asks the columns in turn; every other turn goes backwards, and so does every other run's first one."""
        self._run = run
        self._is_backwards = run % 2 == 1
        self._order = order
        self._names = {column.name for column in columns}
        try:
            measured = {division: self._measure_division(division, _of(columns, division)) for division in self._order}
        finally:
            for process in self._processes.values():
                process.end()
        # Half a run is worth nothing to one who goes on from it.
        for division, values in measured.items():
            self._keep(division, values)

    def _measure_division(self, division: Division, columns: Sequence[Column]) -> Values:
        self._division: Division = division
        self._asked: dict[str, list[str]] = {}
        values: Values = {}
        idle = [column for column in columns if column.name not in self._processes]
        for column in idle:
            self._start(column)
        self._import(idle, values)
        for command in _asked_in_a_division(self._prepared):
            for column in self._in_turn(columns):
                if column.trains or command not in TRAINING:
                    self._ask(command, column, values)
        return values

    def _in_turn(self, columns: Sequence[Column]) -> Sequence[Column]:
        is_backwards, self._is_backwards = self._is_backwards, not self._is_backwards
        return columns[::-1] if is_backwards else columns

    def _start(self, column: Column) -> None:
        """A process for the column; after a failure in one division the next one begins with another."""
        folder = self._folder / f"{self._division}-{column.name}"
        cache = self._folder.parent / f"cache-{self._division}-{column.name}"
        if not cache.exists():
            self._cold.add(column.name)
        seat = Seat(column=column, seed=self._prepared.job.plan.seed + self._run, job=str(self._job_folder))
        self._processes[column.name] = Process(seat, folder, cache=cache)

    def _import(self, columns: Sequence[Column], values: Values) -> None:
        """Times the import of each framework once; its other modes import the same, all of them at the same time."""
        modes = [column for column in columns if column.mode_of in self._names]
        for column in self._in_turn([column for column in columns if column not in modes]):
            self._ask("import", column, values)
        for say in (Process.tell, Process.hear):
            for column in modes:
                self._do(say, "import", column)

    def _ask(self, command: str, column: Column, values: Values) -> None:
        process = self._processes.get(column.name)
        if process is not None and command == "create" and not column.trains:
            write_network(self._prepared.graphs[self._division], process.folder / "network.onnx")
        answer = self._do(Process.ask, command, column)
        if answer is None:
            values.pop((column.name, LAST), None)
            return
        self._note(column, answer, values)

    def _do(self, how: Callable[[Process, str], Answer | None], command: str, column: Column) -> Answer | None:
        """What the column's process says to a command; None where it failed, now or before."""
        process = self._processes.get(column.name)
        if process is None:
            return None
        try:
            answer = how(process, f"{command} {self._division}")
        except WorkerFailedError as error:
            self._fail(column, str(error), process)
            return None
        if answer is not None:
            self._asked.setdefault(column.name, []).append(command)
            place = f"{self._division}, run {self._run + 1}: {column.name}"
            planned = command in self._planned(column)
            self._progress.step(f"{place}, {command.replace('_', ' ')}", _weight([command]) if planned else 0)
        return answer

    def _is_fresh(self, column: Column) -> bool:
        """Whether the column's process has measured no other division in this run."""
        return next(division for division in self._order if division in column.divisions) == self._division

    def _planned(self, column: Column) -> list[str]:
        return _commands(self._prepared, column, is_fresh=self._is_fresh(column))

    def _note(self, column: Column, answer: Answer, values: Values) -> None:
        is_fresh = self._is_fresh(column)
        for quantity, found in answer.values.items():
            if quantity in FRESH and not is_fresh:
                continue
            is_cached = quantity == "first_step_s" and not self._is_cold(column)
            name = "cached_step_s" if is_cached else quantity
            values.setdefault((column.name, name), []).extend(found)
        if answer.facts:
            self._found.facts[f"{self._division}, {column.name}"] = answer.facts

    def _is_cold(self, column: Column) -> bool:
        """Only torch.compile keeps what it compiled on the disk: its first run finds nothing there."""
        return not (column.engine == "torch" and column.is_compiled) or column.name in self._cold

    def _fail(self, column: Column, reason: str, process: Process) -> None:
        process.end()
        del self._processes[column.name]
        left = max(_weight(self._planned(column)) - _weight(self._asked.get(column.name, [])), 0)
        self._progress.step(f"{self._division}, run {self._run + 1}: {column.name} failed", left)
        failure = Failure(division=self._division, column=column.name, run=self._run, reason=reason)
        self._found.failures.append(failure)
        self._progress.listener.on_failure(failure)

    def _keep(self, division: Division, values: Values) -> None:
        for (column, quantity), found in values.items():
            if not found:
                continue
            sample = Sample(division=division, column=column, run=self._run, quantity=quantity, values=tuple(found))
            self._found.samples.append(sample)
            self._progress.listener.on_sample(sample)


Clock = Callable[[], float]


class Countdown:
    """The time left, from the share of commands that are done."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._began = clock()

    def left_s(self, done: int, total: int) -> float:
        """Seconds left if the rest goes on as before."""
        return (self._clock() - self._began) / max(done, 1) * (total - done)
