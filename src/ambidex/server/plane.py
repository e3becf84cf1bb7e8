"""The data plane: decoded tensors run once, at the right place: at once, with others of this tick, or in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any

from ambidex.errors import AmbidexError
from ambidex.runtime.batcher import Batcher
from ambidex.runtime.repository import Model
from ambidex.schema import Tensor
from ambidex.server.metrics import Gauge, Metrics
from ambidex.server.request_error import RequestError

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

Outputs = dict[str, Tensor]
Finish = Callable[[Outputs, int], None]
"""Receives a run's outputs and the first row that is the request's own."""
Fail = Callable[[Exception], None]

SMALL = 16
"""Requests of at most so many rows may share a run."""
LARGE_BODY = 64 * 1024
"""Bodies of more bytes are decoded, run and answered in a thread, so that the loop stays free for others."""
LARGE_BINARY = 512 * 1024
"""The same for numbers that come as bytes: copying them takes a tenth of what parsing does."""
_FIRST_GUESS = 0.0001  # seconds per row that a first run is believed at most
_SIZES = 64  # bit lengths that a number of rows may have
LONG_RUN = 0.002
"""Seconds; a model that needs more for a request is run in a thread."""


class Plane:
    """Runs models for the event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, metrics: Metrics, *, workers: int, waiting: int) -> None:
        self._loop = loop
        self._metrics = metrics
        self._workers = workers
        self._max_waiting = waiting
        self._waiting = 0
        self._pool: ThreadPoolExecutor | None = None
        self.is_alone: Callable[[], bool] = lambda: False
        metrics.gauges.append(
            Gauge("ambidex_waiting", "Requests that wait for a thread.", (), lambda: {(): float(self._waiting)})
        )

    def run(
        self,
        model: Model,
        feeds: Mapping[str, Tensor],
        rows: int,
        finish: Finish,
        fail: Fail,
        *,
        wanted: Sequence[str] | None = None,
    ) -> None:
        """Runs the model on `rows` rows; `finish` or `fail` is called in the event loop, perhaps later.

        Of a run that is not shared, only the outputs that are `wanted` are computed, if any are named.
        """
        self._metrics.rows.add((model.name,), rows)
        pace = pace_of(model)
        if pace.expected(rows) > LONG_RUN:
            self.aside(lambda: (pace.timed(model, feeds, rows, wanted), 0), lambda done: finish(*done), fail)
        elif rows > SMALL or self.is_alone():
            self._metrics.batches.observe((model.name,), rows)
            finish(pace.timed(model, feeds, rows, wanted), 0)
        else:
            self._batcher(model).submit(feeds, rows, _Done(finish, fail))

    def _batcher(self, model: Model) -> Batcher:
        batcher: Batcher | None = model.derived.get("batcher")
        if batcher is None:
            pace = pace_of(model)
            batcher = Batcher(lambda feeds: pace.timed(model, feeds, _rows_of(feeds)), self._loop.call_soon)
            key = (model.name,)
            batcher.observe = lambda rows: self._metrics.batches.observe(key, rows)
            model.derived["batcher"] = batcher
        return batcher

    def aside(self, work: Callable[[], Any], finish: Callable[[Any], None], fail: Fail) -> None:
        """Does `work` in a thread, then `finish` in the loop. Raises `RequestError` (503) if too many wait already."""
        if self._waiting >= self._max_waiting:
            message = f"{self._waiting} requests wait already; try again in a second."
            raise RequestError(503, "overloaded", message, headers=b"Retry-After: 1\r\n")
        if self._pool is None:
            from concurrent.futures import ThreadPoolExecutor

            self._pool = ThreadPoolExecutor(self._workers, thread_name_prefix="ambidex")
        self._waiting += 1

        def settle(future: Future[Any]) -> None:
            self._waiting -= 1
            try:
                result = future.result()
            except Exception as error:  # noqa: BLE001 - handed on, not swallowed
                fail(error)
                return
            try:
                finish(result)
            except Exception as error:  # noqa: BLE001 - handed on, not swallowed
                fail(error)

        def report(future: Future[Any]) -> None:
            self._loop.call_soon_threadsafe(settle, future)

        self._pool.submit(work).add_done_callback(report)

    def close(self) -> None:
        """Ends the threads once they are done."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)


class Pace:
    """How long runs of a model take, as seen lately, by the bit length of their number of rows.

    One row takes little less time than fifty, so a time per row would mislead where small and large requests mix.
    """

    def __init__(self) -> None:
        self._seconds = [0.0] * _SIZES  # of fixed length: threads read it while others write

    def expected(self, rows: int) -> float:
        """Seconds for a run of so many rows. Fewer rows take no longer, twice as many at most twice as long."""
        size = rows.bit_length()
        if self._seconds[size]:
            return self._seconds[size]
        seen = [(other, seconds) for other, seconds in enumerate(self._seconds) if seconds]
        return min((seconds * 2 ** max(size - other, 0) for other, seconds in seen), default=0.0)

    def timed(
        self, model: Model, feeds: Mapping[str, Tensor], rows: int, wanted: Sequence[str] | None = None
    ) -> Outputs:
        """The outputs. The estimate falls at once and rises step by step: one slow run may be the machine's doing."""
        started = perf_counter()
        outputs = model.predictor.predict_packed(feeds, wanted=wanted)
        taken = perf_counter() - started
        most = max(1.75 * self.expected(rows), _FIRST_GUESS * rows)
        self._seconds[rows.bit_length()] = min(taken, most)
        return outputs


def pace_of(model: Model) -> Pace:
    """The model's own estimate."""
    pace: Pace | None = model.derived.get("pace")
    if pace is None:
        pace = model.derived["pace"] = Pace()
    return pace


class _Done:
    """What a batch calls for one of its requests: an error of one answer must not reach the others."""

    __slots__ = ("_fail", "_finish")

    def __init__(self, finish: Finish, fail: Fail) -> None:
        self._finish = finish
        self._fail = fail

    def __call__(self, outputs: Outputs | None, start: int, error: AmbidexError | None) -> None:
        if outputs is None:
            assert error is not None
            self._fail(error)
            return
        try:
            self._finish(outputs, start)
        except Exception as problem:  # noqa: BLE001 - handed on, not swallowed
            self._fail(problem)


def _rows_of(feeds: Mapping[str, Tensor]) -> int:
    return next(iter(feeds.values())).shape[0] if feeds else 1
