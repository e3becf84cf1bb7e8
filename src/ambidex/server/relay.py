"""Requests that another server's front door has received: the same handlers answer them, and the door writes it out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Mapping
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple, cast

from ambidex.server.exchange import JSON, Exchange
from ambidex.server.request_error import RequestError

if TYPE_CHECKING:
    from ambidex.server.connection import Connection
    from ambidex.server.engine import Engine
    from ambidex.server.service import Service


class Answer(NamedTuple):
    """A response whose framing is somebody else's; header names in lower case."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class Relayed(Exchange):
    """A request without a connection; `settled` gets its `Answer`."""

    __slots__ = ("_engine", "settled")

    def __init__(self, engine: Engine, method: bytes, url: bytes, headers: dict[bytes, bytes]) -> None:
        super().__init__(cast("Connection", None), method, url, headers, b"")
        self._engine = engine
        self.settled: asyncio.Future[Answer] = engine.loop.create_future()

    def reply(self, body: bytes, *, status: int = 200, kind: bytes = JSON, headers: bytes = b"") -> None:
        """Answers, unless that was done already or the client has gone."""
        if self.settled.done():
            return
        lines = b"content-type: %s\r\nx-request-id: %s\r\n%s%s" % (kind, self.request_id, headers, self.extra)
        pairs = (line.split(b": ", 1) for line in lines.splitlines())
        self._engine.account(self, status)
        self.settled.set_result(Answer(status, [(name.lower(), value) for name, value in pairs], body))


class Relay:
    """Answers with a service's handlers. All its requests belong to the service's event loop."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._running = 0
        service.plane.is_alone = lambda: not service.settings.is_batching or self._running <= 1

    async def answer(
        self, method: str, url: bytes, headers: Mapping[bytes, bytes], chunks: AsyncIterable[bytes]
    ) -> Answer:
        """The response to a request; `url` is its path as it was sent, `headers` have names in lower case."""
        engine = self._service.engine
        exchange = Relayed(engine, method.encode(), url, dict(headers))
        self._running += 1
        try:
            exchange.body = await self._read(chunks)
            exchange.started = perf_counter()
            engine.handle(exchange)
            return await exchange.settled
        except RequestError as error:
            engine.fail(exchange, error)
            return exchange.settled.result()
        finally:
            self._running -= 1

    async def _read(self, chunks: AsyncIterable[bytes]) -> bytes:
        parts, size, most = [], 0, self._service.limits.body
        async for chunk in chunks:
            size += len(chunk)
            if size > most:
                message = f"Expected a body of at most {most} bytes, got a larger one. Send it in several requests."
                raise RequestError(413, "body_too_large", message, where="body")
            parts.append(chunk)
        return b"".join(parts)
