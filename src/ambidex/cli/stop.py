"""SIGTERM as Ctrl-C: both interrupt what runs, so that it says how to go on and leaves nothing half-written."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)
"""SIGINT too, because a shell starts background jobs with it ignored."""


@contextmanager
def interruptible() -> Iterator[None]:
    """While inside, either signal raises `KeyboardInterrupt`; only Python's main thread can say so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, handle) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
