"""What a handler works with: the models, the data plane, the engine and the settings."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING

from ambidex.errors import UsageError, expected
from ambidex.runtime.repository import Model, Repository, Served
from ambidex.runtime.rows import shown
from ambidex.server.access import Access
from ambidex.server.catalog import Catalog, describe
from ambidex.server.drift_watch import DriftWatch, drift_of
from ambidex.server.engine import Engine
from ambidex.server.foreign.model import ForeignModel
from ambidex.server.metrics import Gauge, Metrics
from ambidex.server.peers import Peers
from ambidex.server.plane import Plane
from ambidex.server.request_error import RequestError, too_many_rows
from ambidex.server.retirement import RETIREMENT, Retirement
from ambidex.server.router import Router, error_shape
from ambidex.server.statistics import statistics_of

if TYPE_CHECKING:
    from ambidex.schema import Tensor
    from ambidex.server.exchange import Exchange
    from ambidex.server.predictions import Asked, PredictionLog
    from ambidex.server.router import Handler
    from ambidex.server.seat import Seat
    from ambidex.server.settings import Settings


class Service:
    """The server behind its connections."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        repository: Repository,
        catalog: Catalog,
        settings: Settings,
        *,
        seat: Seat | None = None,
    ) -> None:
        self.loop = loop
        self.peers = Peers(loop, seat)
        self.settings = settings
        self.limits = settings.limits
        self.repository = repository
        self.metrics = Metrics()
        self.peers.offers["metrics"] = self.metrics.families
        self.router = Router()
        workers = settings.workers or os.cpu_count() or 1
        self.plane = Plane(loop, self.metrics, workers=workers, waiting=settings.limits.waiting)
        self.engine = Engine(loop, self.dispatch, limits=settings.limits, metrics=self.metrics)
        self.engine.error_shape = error_shape
        self.engine.log_requests = settings.log_requests
        self.drift = DriftWatch(loop, repository)
        self.peers.offers["drift"] = self.drift.windows
        self.predictions = self._open_predictions(settings)
        self.plane.is_alone = self._is_alone
        self.access = Access(settings.api_keys, settings.cors_origins)
        self._retirement = Retirement(loop)
        self.catalog = catalog
        catalog.log = self._log_change
        catalog.on_retired = self._retire
        catalog.note_failures()
        catalog.loader.attend(loop, self._log_change, self._note_broken)
        self.metrics.gauges += [
            Gauge("ambidex_model_loaded_seconds", "When a version was loaded.", ("model", "version"), self._loaded),
            Gauge("ambidex_broken_models", "Files that could not be loaded.", (), self._broken),
            *catalog.loader.gauges(),
            *self.drift.gauges(),
        ]

    def record(
        self,
        asked: Asked,
        model: Model,
        feeds: Mapping[str, Tensor],
        answer: tuple[Mapping[str, Tensor], int, Sequence[int]],
    ) -> None:
        """Counts an answered request for the model's statistics, and puts it into the prediction log if there is one.

        `answer` are a run's outputs, the first row that is the request's, and where in the request its rows stand.
        """
        statistics_of(model).succeeded(len(answer[2]), asked.started)
        if self.predictions is not None:
            self.predictions.note(asked, model, feeds, answer)

    def check_rows(self, feeds: Mapping[str, Tensor]) -> None:
        """Refuses tensors of more rows, or steps of histories, than one request may carry. Raises `RequestError`."""
        count = max((prod(tensor.shape[:-1]) for tensor in feeds.values()), default=0)
        if count > self.limits.rows:
            raise too_many_rows(count, self.limits.rows)

    def looks_at_answers(self, model: Model) -> bool:
        """Whether the prediction log or the watch for drift wants every output, also those that nobody asked for."""
        drift = drift_of(model)
        return self.predictions is not None or (drift is not None and drift.is_taking)

    def _open_predictions(self, settings: Settings) -> PredictionLog | None:
        if not settings.log_predictions:
            return None
        from ambidex.server.predictions import PredictionLog

        log = PredictionLog(settings.log_predictions, limit_bytes=settings.log_limit, complain=self.engine.log)
        self.metrics.counters += [log.logged, log.dropped]
        return log

    def _log_change(self, fields: Mapping[str, object]) -> None:
        """A line of the log for each model that comes or goes; when quiet, only for those refused."""
        if not self.settings.is_quiet or fields["event"] in ("refused", "worker_died", "worker_broken"):
            self.engine.log(fields)

    def _is_alone(self) -> bool:
        """One connection: nobody to share a run with. The same where nobody may."""
        return not self.settings.is_batching or len(self.engine.connections) <= 1

    def _loaded(self) -> dict[tuple[str, ...], float]:
        return {(model.name, str(model.version)): model.loaded_at for model in self.repository.models()}

    def _broken(self) -> dict[tuple[str, ...], float]:
        return {(): float(len(self.repository.failures))}

    def _note_broken(self, model: ForeignModel) -> None:
        """A foreign model whose framework refuses it, or whose process dies whenever it loads."""
        self.repository.failures[model.path] = model.reason
        self._log_change({"event": "worker_broken", "model": model.name, "path": model.path, "error": model.reason})

    def _retire(self, model: Served) -> None:
        """Lets go of a model that was replaced, once nobody answers with it any more. Any thread may call this."""
        if isinstance(model, Model):
            self._retirement.add(model)
        else:
            self.loop.call_soon_threadsafe(self.loop.call_later, RETIREMENT, self.catalog.loader.close, model)

    def close(self) -> None:
        """Writes the last of both logs."""
        if self.predictions is not None:
            self.predictions.close()
        self.engine.close()

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
        if self.catalog.loader.has_foreign:
            handler = self._handler_of_foreign(pattern, names) or handler
        handler(self, exchange, names)

    def _handler_of_foreign(self, pattern: str, names: dict[str, str]) -> Handler | None:
        """What answers instead, where the path names a foreign model."""
        from ambidex.server.foreign.routes import handler_of

        handler = handler_of(pattern)
        return handler if handler is not None and isinstance(self.served(names), ForeignModel) else None

    def model(self, names: dict[str, str]) -> Model:
        """The artifact of a path's names. Raises `RequestError` 404."""
        found = self.served(names)
        if not isinstance(found, Model):
            raise RequestError(404, "no_such_model", f"Expected an artifact, got the foreign model {found.name!r}.")
        return found

    def served(self, names: dict[str, str]) -> Served:
        """What is served under a path's names. Raises `RequestError` 404."""
        name = names["model"]
        version = names.get("version")
        try:
            if version is None:
                return self.repository.get(name)
            if not (version.isascii() and version.isdigit() and len(version) <= 18):
                self.repository.versions(name)
                raise UsageError(expected(f"a version of model {name!r} in digits", got=shown(version)), where=name)
            return self.repository.get(name, int(version))
        except UsageError as error:
            raise RequestError(404, "no_such_model", error.message, where=error.where) from None
