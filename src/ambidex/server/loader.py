"""Opens what lies at a place: artifacts are loaded here, foreign models get a process of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from ambidex.errors import AmbidexError, ArtifactError
from ambidex.runtime.foreign import check_harmless, check_trusted, kind_of
from ambidex.runtime.repository import Place, Served, load_model
from ambidex.server.foreign.model import ForeignModel
from ambidex.server.metrics import Gauge, Labels

if TYPE_CHECKING:
    import asyncio

    from ambidex.server.settings import Settings

TICK = 0.25
"""Seconds between two looks at the worker processes: a dead one is noticed and a stuck one ended so soon."""


class Loader:
    """Opens models, and looks after the processes of the foreign ones. Any thread may call any of it."""

    def __init__(self, settings: Callable[[], Settings]) -> None:
        self._settings = settings
        self._foreign: set[ForeignModel] = set()
        self._log: Callable[[Mapping[str, object]], None] = lambda fields: None
        self._on_broken: Callable[[ForeignModel], None] = lambda model: None

    def open(self, place: Place) -> Served:
        """A model to serve. Raises `ArtifactError` or `InputFileError`. A foreign model is not loaded yet."""
        kind = kind_of(place.path)
        settings = self._settings()
        if kind is None:
            return load_model(place, threads=settings.threads)
        check_trusted(place.path, kind, is_trusted=settings.trust)
        if not settings.trust:
            check_harmless(place.path, kind)
        model = ForeignModel(place, kind, settings)
        model.log, model.on_broken = self._note, self._note_broken
        self._foreign = {*self._foreign, model}
        return model

    @property
    def has_foreign(self) -> bool:
        """Whether any model has a process of its own."""
        return bool(self._foreign)

    def _note(self, fields: Mapping[str, object]) -> None:
        self._log(fields)

    def _note_broken(self, model: ForeignModel) -> None:
        self._on_broken(model)

    def renew(self, place: Place, old: Served | None, *, is_asked: bool = False) -> Served:
        """The same to replace `old`: where that one's process is in use, or a load was asked for, the new one answers.

        Raises what `open` raises, also for a foreign model that its framework refuses.
        """
        model = self.open(place)
        is_used = isinstance(old, ForeignModel) and old.state != "idle"
        if isinstance(model, ForeignModel) and (is_asked or is_used):
            try:
                model.load()
            except AmbidexError as error:
                self.close(model)
                raise ArtifactError(error.message, where=place.path) from error
        return model

    def close(self, model: Served) -> None:
        """Ends a foreign model's process once what was asked of it is answered."""
        if isinstance(model, ForeignModel):
            self._foreign = self._foreign - {model}
            model.close()

    def close_all(self) -> None:
        """Ends all processes at once."""
        for model in self._foreign:
            model.close(is_urgent=True)
        self._foreign = set()

    def attend(
        self,
        loop: asyncio.AbstractEventLoop,
        log: Callable[[Mapping[str, object]], None],
        on_broken: Callable[[ForeignModel], None],
    ) -> None:
        """Looks after the processes from now on, in the event loop."""
        self._log, self._on_broken = log, on_broken

        def look() -> None:
            for model in self._foreign:
                model.look_after()
            loop.call_later(TICK, look)

        look()

    def gauges(self) -> list[Gauge]:
        """What `/metrics` tells about the processes."""
        labels = ("model", "version")

        def per_model(read: Callable[[ForeignModel], float]) -> Callable[[], dict[Labels, float]]:
            return lambda: {(model.name, str(model.version)): read(model) for model in self._foreign}

        return [
            Gauge("ambidex_worker_up", "1 if a foreign model's process answers.", labels, per_model(lambda m: m.is_up)),
            Gauge("ambidex_worker_restarts", "Restarts of its process.", labels, per_model(lambda m: m.restarts)),
            Gauge(
                "ambidex_worker_loading_seconds",
                "How long its process last took to load.",
                labels,
                per_model(lambda m: m.loading_seconds),
            ),
        ]
