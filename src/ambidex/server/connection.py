"""One HTTP/1.1 connection: httptools parses, answers leave in the order of their requests, limits hold."""

from __future__ import annotations

import asyncio
from collections import deque
from time import perf_counter
from typing import TYPE_CHECKING

import httptools

from ambidex.server.exchange import CONTINUE, Exchange
from ambidex.server.request_error import RequestError

if TYPE_CHECKING:
    from ambidex.server.engine import Engine
    from ambidex.server.settings import Limits

PIPELINE = 32
"""Requests of one connection that may wait for their answers before its reading pauses."""


class Connection(asyncio.Protocol):
    """Reads requests, hands each to the engine, writes their answers."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.limits = engine.limits
        self.transport: asyncio.Transport | None = None
        self.pending: deque[Exchange] = deque()
        self.parser = httptools.HttpRequestParser(self)
        self.deadline = engine.now + engine.limits.idle_time
        self.is_closing = False
        self.is_reading_paused = False
        self.is_write_blocked = False
        self.is_in_request = False
        self.is_in_head = False
        self.head_size = 0
        self.refused: RequestError | None = None
        self._begin()

    def _begin(self) -> None:
        self.url = b""
        self.headers: dict[bytes, bytes] = {}
        self.chunks: list[bytes] = []
        self.body_size = 0

    # What the transport calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        if not self.engine.admit(self):
            self._refuse(
                RequestError(503, "overloaded", "Too many connections; try again.", headers=b"Retry-After: 1\r\n")
            )

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_closing = True
        self.transport = None
        self.pending.clear()
        self.engine.forget(self)

    def data_received(self, data: bytes) -> None:
        if self.is_closing:
            return  # the answer to a bad request is on its way out; what still comes in is dropped
        if self.is_in_head or not self.is_in_request:
            self.head_size += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._end_after_last()  # answered as plain HTTP/1.1; what follows is of a protocol not spoken here
        except httptools.HttpParserError as error:
            self._refuse(self.refused or RequestError(400, "malformed_http", f"Expected HTTP/1.1, got {error}."))
        else:
            if self.refused:
                self._refuse(self.refused)
            elif self.is_in_head and self.head_size > self.limits.head:
                self._refuse(_large_head(self.limits))

    def eof_received(self) -> bool:
        """A client that has sent its last request still gets its answers."""
        if self.pending and not self.is_closing:
            self.pending[-1].keep_alive = False
            return True
        return False

    def pause_writing(self) -> None:
        self.is_write_blocked = True
        self.deadline = self.engine.now + self.limits.request_time
        self._pause_reading()

    def resume_writing(self) -> None:
        self.is_write_blocked = False
        self.deadline = self.engine.now + self.limits.idle_time
        self._resume_reading()

    # What the parser calls

    def on_message_begin(self) -> None:
        self.is_in_request = self.is_in_head = True
        self.deadline = self.engine.now + self.limits.request_time

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        headers = self.headers
        key = name.lower()
        if key in headers and key in (b"host", b"content-length", b"transfer-encoding"):
            self.refused = RequestError(400, "malformed_http", f"Expected one header {key.decode()}, got several.")
        headers[key] = value
        if len(headers) > self.limits.headers:
            self.refused = _large_head(self.limits)

    def on_headers_complete(self) -> None:
        self.is_in_head = False
        if (
            self.head_size > self.limits.head
            and len(self.url) + sum(map(len, self.headers.values())) > self.limits.head
        ):
            self.refused = _large_head(self.limits)
        self.head_size = 0
        headers = self.headers
        length = headers.get(b"content-length", b"")
        if length.isdigit() and int(length[:20]) > self.limits.body:
            self.refused = _large_body(self.limits)
        elif b"expect" in headers and not self.refused:
            self._answer_expectation(headers[b"expect"])

    def _answer_expectation(self, wish: bytes) -> None:
        if wish.lower() != b"100-continue":
            self.refused = RequestError(
                417, "expectation", "Expected 100-continue in the header Expect, got another wish."
            )
        elif not self.pending and self.transport is not None:
            self.transport.write(CONTINUE)

    def on_body(self, body: bytes) -> None:
        self.body_size += len(body)
        if self.body_size > self.limits.body:
            self.refused = self.refused or _large_body(self.limits)
            self.chunks.clear()
        elif not self.refused:
            self.chunks.append(body)

    def on_message_complete(self) -> None:
        self.is_in_request = False
        self.head_size = 0
        if self.refused or self.is_closing:
            return
        parser = self.parser
        chunks = self.chunks
        exchange = Exchange(
            self,
            parser.get_method(),
            self.url,
            self.headers,
            chunks[0] if len(chunks) == 1 else b"".join(chunks),
        )
        exchange.keep_alive = parser.should_keep_alive() and not self.engine.is_draining
        exchange.is_old = parser.get_http_version() == "1.0"
        exchange.started = perf_counter()
        self._begin()
        self.pending.append(exchange)
        self.engine.handle(exchange)
        if len(self.pending) >= PIPELINE:
            self._pause_reading()

    # Answers

    def flush(self) -> None:
        """Writes the answers that are ready, up to the first that is not."""
        pending, transport = self.pending, self.transport
        while pending and pending[0].answer is not None:
            exchange = pending.popleft()
            if transport is None or transport.is_closing():
                pending.clear()
                return
            transport.write(exchange.answer)  # type: ignore[arg-type]
            if not exchange.keep_alive:
                self._close_softly()
                return
        if not pending and not self.is_in_request and not self.is_write_blocked:
            self.deadline = self.engine.now + self.limits.idle_time
        if self.is_reading_paused and len(pending) < PIPELINE // 2 and not self.is_write_blocked:
            self._resume_reading()

    def _refuse(self, refusal: RequestError) -> None:
        """Answers what can no longer be parsed, after what came before it, and ends the connection."""
        exchange = Exchange(self, b"GET", self.url[:200], {}, b"")
        exchange.keep_alive = False
        self.is_closing = True
        self.chunks.clear()
        self.pending.append(exchange)
        self.engine.fail(exchange, refusal)

    def _end_after_last(self) -> None:
        if self.pending:
            self.pending[-1].keep_alive = False
            self.is_closing = True
        else:
            self._close_softly()

    def _close_softly(self) -> None:
        """Ends our half first: closing at once would throw away an answer that the client has not read yet."""
        self.is_closing = True
        self.pending.clear()
        self.deadline = self.engine.now + 2.0
        transport = self.transport
        if transport is None:
            return
        if self.is_in_request and transport.can_write_eof():
            self._resume_reading()
            transport.write_eof()
        else:
            transport.close()

    def expire(self) -> None:
        """Called after the deadline: a slow request is told so, everything else is just closed."""
        if self.is_in_request and not self.is_closing and not self.is_write_blocked:
            self._refuse(RequestError(408, "timeout", "Expected the whole request in time, got a part of it."))
        elif self.transport is not None:
            self.transport.abort()

    @property
    def is_idle(self) -> bool:
        """No request has begun that is not answered."""
        return not self.pending and not self.is_in_request

    def _pause_reading(self) -> None:
        if not self.is_reading_paused and self.transport is not None:
            self.is_reading_paused = True
            self.transport.pause_reading()

    def _resume_reading(self) -> None:
        if self.is_reading_paused and self.transport is not None and not self.transport.is_closing():
            self.is_reading_paused = False
            self.transport.resume_reading()


def _large_head(limits: Limits) -> RequestError:
    message = f"Expected at most {limits.head} bytes and {limits.headers} lines of headers, got more."
    return RequestError(431, "head_too_large", message)


def _large_body(limits: Limits) -> RequestError:
    message = f"Expected a body of at most {limits.body} bytes, got a larger one. Send it in several requests."
    return RequestError(413, "body_too_large", message, where="body")
