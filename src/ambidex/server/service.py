"""What a handler works with: the models, the data plane, the engine and the settings."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ambidex.errors import UsageError
from ambidex.runtime.repository import Model, Repository
from ambidex.server.access import Access
from ambidex.server.catalog import Catalog, describe
from ambidex.server.engine import Engine
from ambidex.server.metrics import Gauge, Metrics
from ambidex.server.plane import Plane
from ambidex.server.request_error import RequestError
from ambidex.server.retirement import Retirement
from ambidex.server.router import Router, error_shape

if TYPE_CHECKING:
    from ambidex.server.exchange import Exchange
    from ambidex.server.settings import Settings


class Service:
    """The server behind its connections."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, repository: Repository, paths: Sequence[str], settings: Settings
    ) -> None:
        self.loop = loop
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
        self.access = Access(settings.api_keys, settings.cors_origins)
        self.catalog = Catalog(paths, repository, threads=settings.threads, log=self._log_change)
        self.catalog.on_retired = Retirement(loop).add
        self.metrics.gauges += [
            Gauge("ambidex_model_loaded_seconds", "When a version was loaded.", ("model", "version"), self._loaded),
            Gauge("ambidex_broken_models", "Files that could not be loaded.", (), self._broken),
        ]

    def _log_change(self, fields: Mapping[str, object]) -> None:
        """A line of the log for each model that comes or goes; when quiet, only for those refused."""
        if not self.settings.is_quiet or fields["event"] == "refused":
            self.engine.log(fields)

    def _is_alone(self) -> bool:
        """One connection: nobody to share a run with."""
        return len(self.engine.connections) <= 1

    def _loaded(self) -> dict[tuple[str, ...], float]:
        return {(model.name, str(model.version)): model.loaded_at for model in self.repository.models()}

    def _broken(self) -> dict[tuple[str, ...], float]:
        return {(): float(len(self.repository.failures))}

    async def watch(self) -> None:
        """Looks at the files from time to time, in a thread."""
        while self.settings.watch_seconds > 0:
            await asyncio.sleep(self.settings.watch_seconds)
            try:
                await self.loop.run_in_executor(None, self.catalog.refresh)
            except Exception as error:  # noqa: BLE001 - the door: one bad look must not end all later ones
                self.engine.log({"event": "watch", "error": describe(error)})

    def dispatch(self, exchange: Exchange) -> None:
        """Finds the handler and lets it answer."""
        if self.access.is_needed and not self.access.admit(exchange):
            return
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
