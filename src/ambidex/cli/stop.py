"""SIGTERM as Ctrl-C: both interrupt what runs, and training says how to go on."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)
"""SIGINT too, because a shell starts background jobs with it ignored."""


@contextmanager
def interruptible() -> Iterator[None]:
    """While inside, either signal raises `KeyboardInterrupt`."""

    def handle(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, handle) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
