"""What all connections share: the clock, the limits, the routes, the numbers, and the way out."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from ambidex.errors import AmbidexError
from ambidex.server.connection import Connection
from ambidex.server.exchange import Exchange
from ambidex.server.log import Log
from ambidex.server.metrics import Gauge, Metrics
from ambidex.server.request_error import RequestError, error_body, status_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ambidex.server.settings import Limits

Dispatch = Callable[[Exchange], None]
ErrorShape = Callable[[Exception, int], tuple[int, bytes]]

TICK = 0.5
"""Seconds between two looks at the clock; deadlines are this coarse."""

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_ID_LETTERS = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:/+=")
_MAX_ID = 128


class Engine:
    """Accepts connections and passes their requests to `dispatch`; whatever it raises becomes an answer."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, dispatch: Dispatch, *, limits: Limits, metrics: Metrics
    ) -> None:
        self.loop = loop
        self.limits = limits
        self.metrics = metrics
        self.is_draining = False
        self.connections: set[Connection] = set()
        self.log_requests = False
        self.error_shape: Callable[[bytes], ErrorShape] = lambda url: error_body
        self._dispatch = dispatch
        self._id_prefix = os.urandom(4).hex().encode()
        self._id_count = 0
        self._log = Log()
        metrics.counters.append(self._log.dropped)
        self.now = loop.time()
        self.date_line = b""
        metrics.gauges.append(
            Gauge("ambidex_connections", "Open connections.", (), lambda: {(): float(len(self.connections))})
        )
        self._tick()

    # Connections

    def admit(self, connection: Connection) -> bool:
        """Counts a new connection; False if there are too many."""
        self.connections.add(connection)
        return len(self.connections) <= self.limits.connections

    def forget(self, connection: Connection) -> None:
        self.connections.discard(connection)

    def _tick(self) -> None:
        """Once every `TICK`: the date, and the deadlines of slow and idle clients."""
        self.now = self.loop.time()
        self.date_line = _date_line(time.time())
        for connection in list(self.connections):
            is_waiting_for_us = connection.pending and not connection.is_write_blocked
            if connection.deadline < self.now and not is_waiting_for_us:
                connection.expire()
        self._timer = self.loop.call_later(TICK, self._tick)

    # Requests

    def handle(self, exchange: Exchange) -> None:
        """Answers a request, or sees to it that it is answered later."""
        self._identify(exchange)
        try:
            self._dispatch(exchange)
        except AmbidexError as error:
            self.fail(exchange, error)
        except Exception as error:  # noqa: BLE001 - the door: no request may end the server
            self.fail(exchange, error)

    def _identify(self, exchange: Exchange) -> None:
        given = exchange.headers.get(b"x-request-id", b"")
        if given and len(given) <= _MAX_ID and _ID_LETTERS.issuperset(given):
            exchange.request_id = given
        else:
            exchange.request_id = self.new_id()

    def new_id(self) -> bytes:
        """A request id that nobody else has."""
        self._id_count += 1
        return b"%s-%x" % (self._id_prefix, self._id_count)

    def fail(self, exchange: Exchange, error: Exception) -> None:
        """Answers with an error in the shape of the protocol that was asked."""
        if not exchange.request_id:
            self._identify(exchange)
        status, body = self.error_shape(exchange.url)(error, status_of(error))
        self._note_failure(exchange, error, status)
        headers = error.headers if isinstance(error, RequestError) else b""
        exchange.reply(body, status=status, headers=headers)

    def _note_failure(self, exchange: Exchange, error: Exception, status: int) -> None:
        """Counts an error; logs it with its trace where it is our own."""
        self.metrics.errors.add((getattr(error, "code", "internal"),))
        if status == 500:
            import traceback

            trace = "".join(traceback.format_exception(error))
            self.log({"event": "failure", "request": exchange.request_id.decode(), "trace": trace})

    def account(self, exchange: Exchange, status: int) -> None:
        """Counts an answer."""
        seconds = time.perf_counter() - exchange.started if exchange.started else 0.0
        self.metrics.count((exchange.route, exchange.model), str(status), seconds)
        if self.log_requests:
            path = exchange.url.decode("ascii", "replace")
            self.log_answer(exchange.request_id, exchange.method.decode(), path, status, seconds)

    def log_answer(self, request_id: bytes, method: str, path: str, status: int | str, seconds: float) -> None:
        """The log's line for an answer; of gRPC, the status is its name."""
        self.log(
            {
                "event": "request",
                "request": request_id.decode("utf-8", "replace"),
                "method": method,
                "path": path,
                "status": status,
                "milliseconds": round(seconds * 1e3, 3),
            }
        )

    def log(self, fields: Mapping[str, object]) -> None:
        """One line of JSON on standard error."""
        self._log.write(fields)

    # The way out

    async def drain(self) -> None:
        """Answers what has begun, tells clients to close, and ends what stays idle."""
        self.is_draining = True
        end = self.loop.time() + self.limits.drain_time
        await asyncio.sleep(0.25)  # requests already on their way over open connections still get an answer
        while self.connections and self.loop.time() < end:
            for connection in list(self.connections):
                if connection.is_idle and connection.transport is not None:
                    connection.transport.close()
            await asyncio.sleep(0.02)
        for connection in list(self.connections):
            if connection.transport is not None:
                connection.transport.abort()
        self._timer.cancel()

    def close(self) -> None:
        """Ends the log, last of all."""
        self._log.close()


def _date_line(seconds: float) -> bytes:
    """The `Date` header, whose words do not depend on the locale."""
    now = time.gmtime(seconds)
    text = time.strftime(f"{_DAYS[now.tm_wday]}, %d {_MONTHS[now.tm_mon - 1]} %Y %H:%M:%S GMT", now)
    return f"Date: {text}\r\n".encode()
