"""What operators read: `GET /metrics`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ambidex.server.exchange import Exchange
    from ambidex.server.router import Route
    from ambidex.server.service import Service


def metrics(service: Service, exchange: Exchange, names: dict[str, str]) -> None:
    """Prometheus text."""
    del names
    exchange.reply(service.metrics.text(), kind=b"text/plain; version=0.0.4; charset=utf-8")


ROUTES: tuple[Route, ...] = (("GET", "/metrics", metrics),)
