"""The end of listening: nobody who has connected is cut off without an answer."""

from __future__ import annotations

import asyncio
import ctypes
import socket
import struct
import sys

ACCEPTING_S = 0.02
"""How long the event loop has to accept those who had connected."""
_SO_ATTACH_FILTER = 26
_RETURN_NOTHING = struct.pack("HBBI", 0x06, 0, 0, 0)
"""A packet filter of one instruction, which lets no byte of any packet pass (linux/filter.h)."""


async def stop_listening(server: asyncio.Server, listener: socket.socket) -> None:
    """Closes the listener once the connections that wait in its queue are accepted.

    A closing listener resets them, though their clients may have sent a request. So Linux is told to drop the packets
    of newcomers, who try again and are then refused; elsewhere the gap is as short as two calls.
    """
    if sys.platform == "linux":
        program = ctypes.create_string_buffer(_RETURN_NOTHING)
        filter_of_one = struct.pack("HP", 1, ctypes.addressof(program))
        listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, filter_of_one)
    await asyncio.sleep(ACCEPTING_S)
    server.close()
