"""Foreign models' answers: work is done in the model's own thread, and whoever waited too long hears so."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ambidex.server.exchange import JSON
from ambidex.server.foreign.model import ForeignModel

if TYPE_CHECKING:
    from concurrent.futures import Future

    from ambidex.server.exchange import Exchange
    from ambidex.server.service import Service

Work = Callable[[], tuple[bytes, bytes, int]]
"""What a request asks for: the answer's body, further header lines, and the rows it holds."""


def foreign_model(service: Service, exchange: Exchange, names: dict[str, str]) -> ForeignModel:
    """The model of a path's names."""
    model = service.served(names)
    assert isinstance(model, ForeignModel)
    exchange.model = model.name
    return model


def answer(service: Service, exchange: Exchange, model: ForeignModel, work: Work, *, kind: bytes = JSON) -> None:
    """Answers with what `work` gives once the model is up, or with 503 if that takes too long.

    `kind` is the media type of an answer that has header lines of its own.
    """

    def settle(done: Future[tuple[bytes, bytes, int]]) -> None:
        timer.cancel()
        error = model.not_ready() if done.cancelled() else done.exception()
        if isinstance(error, Exception):
            service.engine.fail(exchange, error)
            return
        body, head, rows = done.result()
        if rows:
            service.metrics.rows.add((model.name,), rows)
        exchange.reply(body, kind=kind if head else JSON, headers=head)

    future = model.submit(work)
    timer = service.loop.call_later(service.limits.worker_wait, future.cancel)
    future.add_done_callback(lambda done: service.loop.call_soon_threadsafe(settle, done))


def described(model: ForeignModel) -> dict[str, Any]:
    """What is known of the model without loading it."""
    return {
        "name": model.name,
        "version": model.version,
        "kind": model.kind.name,
        "state": model.state,
        "reason": model.reason,
    }
