"""What operators read: `GET /metrics`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ambidex.server.metrics import page

if TYPE_CHECKING:
    from ambidex.server.exchange import Exchange
    from ambidex.server.router import Route
    from ambidex.server.service import Service


def metrics(service: Service, exchange: Exchange, names: dict[str, str]) -> None:
    """Prometheus text, of every process."""
    del names

    def finish(processes: dict[int, Any]) -> None:
        exchange.reply(page(processes), kind=b"text/plain; version=0.0.4; charset=utf-8")

    service.peers.gather("metrics", finish, lambda error: service.engine.fail(exchange, error))


ROUTES: tuple[Route, ...] = (("GET", "/metrics", metrics),)
