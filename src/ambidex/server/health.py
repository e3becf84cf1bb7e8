"""Alive, ready."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ambidex.server.exchange import Exchange
    from ambidex.server.router import Route
    from ambidex.server.service import Service


def live(service: Service, exchange: Exchange, names: dict[str, str]) -> None:
    """The event loop turns."""
    del service, names
    exchange.reply(b'{"live":true}')


def ready(service: Service, exchange: Exchange, names: dict[str, str]) -> None:
    """Every model is loaded and answering, and the server is not on its way out."""
    del names
    is_ready = bool(service.repository.names()) and not service.engine.is_draining
    body = b'{"ready":true}' if is_ready else b'{"ready":false}'
    exchange.reply(body, status=200 if is_ready else 503)


ROUTES: tuple[Route, ...] = (
    ("GET", "/v2/health/live", live),
    ("GET", "/v2/health/ready", ready),
)
