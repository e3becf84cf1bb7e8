"""Gives back what a replaced model held: after a pause, all at once, and down to the operating system."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

    from ambidex.runtime.repository import Model

RETIREMENT = 1.0
"""Seconds after which hardly anybody still answers with a model that was replaced; who does makes his tools anew."""
SWEEP = 0.5
"""Seconds after that in which other models may retire too, so that many of them cost one sweep."""


class Retirement:
    """Old models on their way out of memory."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._is_sweep_due = False
        self._trim = find_trim()

    def add(self, model: Model) -> None:
        """Requests in flight finish with the model; then nothing holds it any more. May be called from any thread."""
        self._loop.call_soon_threadsafe(self._loop.call_later, RETIREMENT, self._let_go, model)

    def _let_go(self, model: Model) -> None:
        model.derived.clear()
        if not self._is_sweep_due:
            self._is_sweep_due = True
            self._loop.call_later(SWEEP, self._sweep)

    def _sweep(self) -> None:
        """Ends the circles that decoders' classes are, then asks the allocator for what they left behind.

        The whole collection is a short one, since what was loaded at the start is frozen; a partial one would not
        find models that lived long. Models are allocated in one thread and freed in another, which leaves holes in
        the allocator's arenas: without trimming, a thousand reloads kept 40 % more memory.
        """
        self._is_sweep_due = False
        gc.collect()
        if self._trim is not None:
            self._loop.run_in_executor(None, self._trim)


def find_trim() -> Callable[[], object] | None:
    """The C library's way to return free pages; None where it has none (only glibc does)."""
    if not sys.platform.startswith("linux"):
        return None
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return (lambda: trim(0)) if trim is not None else None
