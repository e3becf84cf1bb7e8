"""What a handler works with: the models, the data plane, the engine and the settings."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import msgspec

from ambidex.errors import UsageError
from ambidex.runtime.repository import Model, Repository
from ambidex.server.connection import Limits
from ambidex.server.engine import Engine
from ambidex.server.metrics import Metrics
from ambidex.server.plane import Plane
from ambidex.server.request_error import RequestError
from ambidex.server.router import Router, error_shape

if TYPE_CHECKING:
    from ambidex.server.exchange import Exchange


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to serve. `threads` work inside one run of a model, `workers` on requests too long for the event loop."""

    host: str = "127.0.0.1"
    port: int = 8080
    json_output: bool = False
    log_requests: bool = False
    threads: int = 1
    workers: int = 0
    limits: Limits = Limits()


class Service:
    """The server behind its connections."""

    def __init__(self, loop: asyncio.AbstractEventLoop, repository: Repository, settings: Settings) -> None:
        self.settings = settings
        self.limits = settings.limits
        self.repository = repository
        self.metrics = Metrics()
        self.router = Router()
        workers = settings.workers or os.cpu_count() or 1
        self.plane = Plane(loop, self.metrics, workers=workers, waiting=settings.limits.waiting)
        self.engine = Engine(loop, self.dispatch, limits=settings.limits, metrics=self.metrics)
        self.engine.error_shape = error_shape
        self.engine.log_requests = settings.log_requests
        self.plane.is_alone = self._is_alone

    def _is_alone(self) -> bool:
        """One connection: nobody to share a run with."""
        return len(self.engine.connections) <= 1

    def dispatch(self, exchange: Exchange) -> None:
        """Finds the handler and lets it answer."""
        handler, names, pattern = self.router.find(exchange.method, exchange.url)
        exchange.route = pattern
        handler(self, exchange, names)

    def model(self, names: dict[str, str]) -> Model:
        """The model of a path's names. Raises `RequestError` 404."""
        name = names["model"]
        version = names.get("version")
        try:
            if version is None:
                return self.repository.get(name)
            is_number = version.isascii() and version.isdigit() and len(version) <= 18
            return self.repository.get(name, int(version) if is_number else -1)
        except UsageError as error:
            raise RequestError(404, "no_such_model", error.message, where=error.where) from None
