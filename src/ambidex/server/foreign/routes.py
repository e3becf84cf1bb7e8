"""What answers for a foreign model where a path names one: the same paths, other functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ambidex.server.foreign import friendly, oip, tensorflow

if TYPE_CHECKING:
    from ambidex.server.router import Handler

HANDLERS: dict[str, Handler] = {**friendly.HANDLERS, **oip.HANDLERS, **tensorflow.HANDLERS}
"""Pattern of the router to function. Paths that are not here mean the same for every model."""


def handler_of(pattern: str) -> Handler | None:
    """The function for a path; the version in it makes no difference."""
    return HANDLERS.get(pattern.replace("/versions/{version}", ""))
