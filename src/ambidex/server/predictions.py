"""The prediction log: every answered row in a SQLite file, written by a thread that answers never wait for."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec

from ambidex.errors import OutputFileError, expected
from ambidex.runtime.unpack import told, unpacked
from ambidex.server.metrics import Counter

if TYPE_CHECKING:
    from ambidex.runtime.repository import Model
    from ambidex.schema import Tensor

MAX_ROWS = 50_000
"""Rows that may wait to be written; those beyond are dropped and counted."""
LAST_S = 10.0
"""How long the end of the server waits for the last rows to be written."""
COMPLAIN_S = 60.0
"""Seconds between two lines of the log about a file that cannot be written."""
_OTHERS = (".parquet", ".arrow", ".feather", ".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".txt", ".xlsx")
"""Suffixes by which people would take the file for something that it is not."""
_AT_ONCE = 256
_encode = msgspec.json.Encoder().encode
_FREED = 0.1
"""The share of the oldest rows that goes when the file has reached its limit."""

_TABLE = """
CREATE TABLE IF NOT EXISTS predictions (
    time TEXT NOT NULL,
    request TEXT NOT NULL,
    position INTEGER NOT NULL,
    model TEXT NOT NULL,
    version INTEGER NOT NULL,
    inputs TEXT NOT NULL,
    outputs TEXT NOT NULL,
    milliseconds REAL NOT NULL
)
"""
_INSERT = "INSERT INTO predictions VALUES (?, ?, ?, ?, ?, ?, ?, ?)"


class Asked(Protocol):
    """What a request is known by, whatever protocol it came by; `started` is by `perf_counter`."""

    @property
    def request_id(self) -> bytes: ...

    @property
    def started(self) -> float: ...


class Answered(NamedTuple):
    """A request that was answered; its rows are written out later, in the writer's thread."""

    at: float
    request_id: bytes
    seconds: float
    model: Model
    feeds: Mapping[str, Tensor]
    outputs: Mapping[str, Tensor]
    start: int
    positions: Sequence[int]


class PredictionLog:
    """Takes answered requests from any thread."""

    def __init__(self, path: str, *, limit_bytes: int, complain: Callable[[Mapping[str, object]], None]) -> None:
        """Raises `OutputFileError` where the file cannot be written, is no prediction log, or has another's suffix."""
        if os.path.splitext(path)[1].lower() in _OTHERS:
            raise OutputFileError(expected("an SQLite file to write, such as log.sqlite", got=path), where=path)
        self.logged = Counter("ambidex_predictions_logged_total", "Rows written to the prediction log.", ())
        self.dropped = Counter("ambidex_predictions_dropped_total", "Rows the prediction log could not take.", ())
        self._path = path
        self._limit = limit_bytes
        self._complain = complain
        self._complained = -COMPLAIN_S
        self._queue: SimpleQueue[Answered | None] = SimpleQueue()
        self._waiting = 0
        self._lock = threading.Lock()
        _open(path).close()
        self._thread = threading.Thread(target=self._work, name="ambidex-predictions", daemon=True)
        self._thread.start()

    def note(
        self,
        asked: Asked,
        model: Model,
        feeds: Mapping[str, Tensor],
        answer: tuple[Mapping[str, Tensor], int, Sequence[int]],
    ) -> None:
        """Hands a request over, or drops it where too much waits already."""
        count = len(answer[2])
        with self._lock:
            is_welcome = self._waiting + count <= MAX_ROWS
            self._waiting += count if is_welcome else 0
            if not is_welcome:
                self.dropped.add((), count)
        if is_welcome:
            seconds = time.perf_counter() - asked.started
            self._queue.put(Answered(time.time(), asked.request_id, seconds, model, feeds, *answer))

    def close(self) -> None:
        """Waits for what was handed over."""
        self._queue.put(None)
        self._thread.join(LAST_S)

    def _work(self) -> None:
        connection: sqlite3.Connection | None = None
        item = self._queue.get()
        while item is not None:
            batch = [item]
            with contextlib.suppress(Empty):
                while len(batch) < _AT_ONCE and (item := self._queue.get_nowait()) is not None:
                    batch.append(item)
            count = sum(len(answered.positions) for answered in batch)
            try:
                connection = connection or _open(self._path)
                self._write(connection, batch)
                self.logged.add((), count)
            except (sqlite3.Error, OutputFileError) as error:
                self.dropped.add((), count)
                self._tell(error)
                if connection is not None:
                    connection.close()
                connection = None
            with self._lock:
                self._waiting -= count
            item = self._queue.get() if item is not None else None
        if connection is not None:
            connection.close()

    def _write(self, connection: sqlite3.Connection, batch: Sequence[Answered]) -> None:
        with connection:
            for answered in batch:
                connection.executemany(_INSERT, _records(answered))
        used, free, size = (
            connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        )
        if (used - free) * size > self._limit:
            with connection:
                first, last = connection.execute("SELECT min(rowid), max(rowid) FROM predictions").fetchone()
                end = first + int((last - first + 1) * _FREED)
                connection.execute("DELETE FROM predictions WHERE rowid <= ?", (end,))

    def _tell(self, error: Exception) -> None:
        now = time.monotonic()
        if now - self._complained >= COMPLAIN_S:
            self._complained = now
            self._complain({"event": "prediction log", "path": self._path, "error": str(error)})


def _open(path: str) -> sqlite3.Connection:
    """The file, made if it is not there. Several processes may write it: each waits for the others' transactions."""
    is_there = os.path.exists(path)
    try:
        connection = sqlite3.connect(path, timeout=30.0, check_same_thread=False)
    except sqlite3.Error as error:
        raise _unwritable(path, error) from error
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        with connection:
            connection.execute(_TABLE)
            if is_there:
                connection.execute("SELECT time, request, position, model, version, inputs FROM predictions LIMIT 0")
    except sqlite3.Error as error:
        connection.close()
        raise _unwritable(path, error) from error
    return connection


def _unwritable(path: str, error: sqlite3.Error) -> OutputFileError:
    fix = "Choose another file for --log-predictions."
    return OutputFileError(expected("an SQLite file to write", got=str(error), where=path, fix=fix), where=path)


def _records(answered: Answered) -> Iterator[tuple[object, ...]]:
    """A record per row."""
    count = len(answered.positions)
    inputs = unpacked(answered.model.predictor, answered.feeds, count)
    outputs = told(answered.model.predictor, answered.outputs, answered.start, answered.start + count)
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(answered.at)) + f".{int(answered.at % 1 * 1000):03d}Z"
    request, milliseconds = answered.request_id.decode(errors="replace"), round(answered.seconds * 1e3, 3)
    for position, given, answer in zip(answered.positions, inputs, outputs, strict=True):
        texts = (_encode(given).decode(), _encode(answer).decode())
        yield (moment, request, position, answered.model.name, answered.model.version, *texts, milliseconds)
