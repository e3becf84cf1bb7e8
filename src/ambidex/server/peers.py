"""What the processes of one server tell each other: each answers for all, so that any of them may be asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from ambidex.server.seat import Seat

PATIENCE = 1.0
"""Seconds after which a process that does not answer is left out: it is dead or about to be."""

Finish = Callable[[dict[int, Any]], None]


class Peers:
    """The other processes, each behind a Unix socket in a folder of the supervisor's. Alone, there are none.

    `offers` are the documents that may be asked for, by name.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, seat: Seat | None) -> None:
        self._loop = loop
        self._seat = seat
        self._server: asyncio.Server | None = None
        self._running: set[asyncio.Task[None]] = set()
        self.offers: dict[str, Callable[[], object]] = {}

    async def open(self) -> None:
        """Answers the others from now on."""
        if self._seat is not None:
            # The socket of a process that had this seat before is replaced.
            self._server = await asyncio.start_unix_server(self._tell, self._seat.address(self._seat.number))

    def close(self) -> None:
        """Answers no longer."""
        if self._server is not None:
            self._server.close()

    async def _tell(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        offer = self.offers.get((await reader.readline()).decode(errors="replace").strip())
        if offer is not None:
            writer.write(msgspec.json.encode(offer()))
            await writer.drain()
        writer.close()

    def gather(self, name: str, finish: Finish, fail: Callable[[Exception], None]) -> None:
        """Calls `finish` with the document of every process that answers, by its number; at once where it is alone."""
        seat = self._seat
        if seat is None:
            finish({0: self.offers[name]()})
            return

        async def collect() -> None:
            try:
                found = await asyncio.gather(*(self._ask(number, name) for number in range(1, seat.total + 1)))
                finish({number: document for number, document in enumerate(found, 1) if document is not None})
            except Exception as error:  # noqa: BLE001 - handed on, not swallowed
                fail(error)

        task = self._loop.create_task(collect())
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _ask(self, number: int, name: str) -> Any:
        """The document of one process; None if it does not answer."""
        assert self._seat is not None
        if number == self._seat.number:
            return self.offers[name]()
        try:
            async with asyncio.timeout(PATIENCE):
                reader, writer = await asyncio.open_unix_connection(self._seat.address(number))
                try:
                    writer.write(f"{name}\n".encode())
                    return msgspec.json.decode(await reader.read())
                finally:
                    writer.close()
        except (OSError, TimeoutError, msgspec.DecodeError):
            return None
