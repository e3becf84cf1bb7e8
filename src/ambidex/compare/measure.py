"""Measures columns side by side: fresh processes every run, turns in the order A-B-B-A.

The processes of one run live at the same time and work one at a time: A trains an epoch, then B one, then B the next
and A the next. A busy moment of the machine therefore falls on neighbours, whose quotient it leaves alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ambidex.compare.column import DIVISIONS, Column, Division
from ambidex.compare.contender import write_network
from ambidex.compare.job import Prepared, write_job
from ambidex.compare.process import Process, WorkerFailedError
from ambidex.compare.sample import Failure, Sample
from ambidex.compare.worker import Answer, Seat

START: tuple[str, ...] = ("import", "create", "first_step", "warm_up")
TRAINING: frozenset[str] = frozenset({"first_step", "warm_up", "epoch"})
WEIGHTS: dict[str, int] = {"import": 20, "create": 8, "first_step": 8, "warm_up": 6, "open": 4, "epoch": 2}
"""How long commands take beside each other, roughly; the others count 1. The time left is guessed from it."""


Values = dict[tuple[str, str], list[float]]
"""Column and quantity to what was measured so far in a run."""


class Listener(Protocol):
    """Who hears of samples as they come."""

    def on_sample(self, sample: Sample) -> None: ...
    def on_failure(self, failure: Failure) -> None: ...
    def on_command(self, done: int, total: int, text: str) -> None: ...


@dataclass(kw_only=True)
class Measurement:
    """All samples of a comparison, the failures, and what each column's process said about itself."""

    samples: list[Sample] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    facts: dict[str, dict[str, str]] = field(default_factory=dict)


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
    found = Measurement(samples=list(known))
    rounds = [
        (run, division) for run in range(runs) for division in DIVISIONS if not _is_known(known, run, division, columns)
    ]
    total = sum(_weight(_commands(prepared, one)) for _, division in rounds for one in _of(columns, division))
    progress = _Progress(listener, total)
    for run, division in rounds:
        order = _of(columns, division)
        round_folder = folder / f"{run}-{division}"
        _Round(prepared, job_folder, round_folder, progress, found).measure(division, run, order)
    return found


def _of(columns: Sequence[Column], division: Division) -> list[Column]:
    return [column for column in columns if division in column.divisions]


def _is_known(known: Sequence[Sample], run: int, division: Division, columns: Sequence[Column]) -> bool:
    have = {sample.column for sample in known if (sample.run, sample.division) == (run, division)}
    ended = {sample.column for sample in known if (sample.run, sample.quantity) == (run, "memory_mib")}
    return have >= {column.name for column in _of(columns, division)} and have <= ended


def _commands(prepared: Prepared, column: Column) -> list[str]:
    """Everything that a column's process is asked in one run."""
    job = prepared.job
    every = [*START, *["epoch"] * job.plan.epochs, "open", *["predict"] * job.blocks, "finish"]
    return [command for command in every if column.trains or command not in TRAINING]


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
    """One run of one division: one fresh process per column."""

    def __init__(
        self, prepared: Prepared, job_folder: Path, folder: Path, progress: _Progress, found: Measurement
    ) -> None:
        self._prepared, self._job_folder, self._folder = prepared, job_folder, folder
        self._progress, self._found = progress, found
        self._processes: dict[str, Process] = {}
        self._asked: dict[str, list[str]] = {}
        self._cold: set[str] = set()

    def measure(self, division: Division, run: int, columns: Sequence[Column]) -> None:
        """Asks the columns in turn; every other turn goes backwards, and so does every other run's first one."""
        self._division, self._run = division, run
        try:
            for column in columns:
                self._start(column)
            values: Values = {}
            for command, column in self._turns(columns):
                self._ask(command, column, values)
            self._keep(values)
        finally:
            for process in self._processes.values():
                process.end()

    def _turns(self, columns: Sequence[Column]) -> Iterator[tuple[str, Column]]:
        job = self._prepared.job
        backwards = self._run % 2 == 1
        for command in [*START, *["epoch"] * job.plan.epochs, "open", *["predict"] * job.blocks, "finish"]:
            asked = [column for column in columns if column.trains or command not in TRAINING]
            yield from ((command, column) for column in (asked[::-1] if backwards else asked))
            backwards = not backwards

    def _start(self, column: Column) -> None:
        folder = self._folder / column.name
        cache = self._folder.parent / f"cache-{self._division}-{column.name}"
        if not cache.exists():
            self._cold.add(column.name)
        seat = Seat(
            column=column,
            division=self._division,
            seed=self._prepared.job.plan.seed + self._run,
            job=str(self._job_folder),
        )
        process = Process(seat, folder, cache=cache)
        if not column.trains:
            write_network(self._prepared.graphs[self._division], folder / "network.onnx")
        self._processes[column.name] = process

    def _ask(self, command: str, column: Column, values: Values) -> None:
        process = self._processes.get(column.name)
        if process is None:
            return
        try:
            answer = process.ask(command)
        except WorkerFailedError as error:
            self._fail(column, str(error), process)
            return
        self._asked.setdefault(column.name, []).append(command)
        self._note(column, answer, values)
        place = f"{self._division}, run {self._run + 1}: {column.name}"
        self._progress.step(f"{place}, {command.replace('_', ' ')}", _weight([command]))

    def _note(self, column: Column, answer: Answer, values: Values) -> None:
        for quantity, found in answer.values.items():
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
        left = _weight(_commands(self._prepared, column)) - _weight(self._asked.get(column.name, []))
        self._progress.step(f"{self._division}, run {self._run + 1}: {column.name} failed", left)
        failure = Failure(division=self._division, column=column.name, run=self._run, reason=reason)
        self._found.failures.append(failure)
        self._progress.listener.on_failure(failure)

    def _keep(self, values: Values) -> None:
        for (column, quantity), found in values.items():
            if not found:
                continue
            sample = Sample(
                division=self._division, column=column, run=self._run, quantity=quantity, values=tuple(found)
            )
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
