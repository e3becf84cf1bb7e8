"""Drift while serving: every model that has a reference is watched, and shown in metrics and under `/models`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from ambidex.runtime.repository import Model
from ambidex.server.drift import ENOUGH, Drift, merged, report, stability_index
from ambidex.server.metrics import Gauge

if TYPE_CHECKING:
    import asyncio

    from ambidex.runtime.repository import Repository
    from ambidex.server.exchange import Exchange
    from ambidex.server.service import Service

PERIOD = 1.0
"""Seconds between two counts of what was taken."""
NO_REFERENCE = "This artifact holds no reference: it was made before there was one. Train it again to see drift."


class DriftWatch:
    """The models' windows."""

    def __init__(self, loop: asyncio.AbstractEventLoop, repository: Repository) -> None:
        self._loop = loop
        self._repository = repository
        repository.on_change.append(self.attach)
        self.attach()
        self._tick()

    def attach(self) -> None:
        """Begins to watch what has come. May be called from any thread."""
        for model in self._repository.models():
            if isinstance(model, Model):
                drift_of(model)

    def _watched(self) -> list[tuple[Model, Drift]]:
        models = (model for model in self._repository.models() if isinstance(model, Model))
        return [(model, model.derived["drift"]) for model in models if "drift" in model.derived]

    def _tick(self) -> None:
        for _, drift in self._watched():
            drift.digest()
        self._loop.call_later(PERIOD, self._tick)

    def windows(self) -> dict[str, Any]:
        """The counts of every model, by name and version, for other processes."""
        return {key_of(model): drift.counts() for model, drift in self._watched()}

    def gauges(self) -> list[Gauge]:
        """What `/metrics` shows: the index of every column once enough rows were seen."""
        labels = ("model", "version", "part", "column")
        text = "Population stability index against training; from 0.25 on a column has shifted."
        rows = "Rows in the window that drift is measured on."
        return [
            Gauge("ambidex_drift_psi", text, labels, self._indices),
            Gauge("ambidex_drift_rows", rows, labels[:2], self._rows),
        ]

    def _indices(self) -> dict[tuple[str, ...], float]:
        found: dict[tuple[str, ...], float] = {}
        for model, drift in self._watched():
            window = drift.counts()
            if window["rows"] < ENOUGH:
                continue
            for part, profiles in (("inputs", drift.profile.inputs), ("outputs", drift.profile.outputs)):
                for name, one in profiles.items():
                    index = stability_index(one, window[part][name])
                    found[model.name, str(model.version), part.rstrip("s"), name] = round(index, 6)
        return found

    def _rows(self) -> dict[tuple[str, ...], float]:
        return {(model.name, str(model.version)): float(drift.counts()["rows"]) for model, drift in self._watched()}


def drift_of(model: Model) -> Drift | None:
    """The model's window, opened when first asked for; None where it has no reference."""
    drift: Drift | None = model.derived.get("drift")
    if drift is None and model.profile is not None:
        drift = model.derived["drift"] = Drift(model.predictor, model.profile)
        model.predictor.observe = drift.observe
    return drift


def key_of(model: Model) -> str:
    """The model's name in what processes tell each other."""
    return f"{model.version}/{model.name}"


def show(service: Service, exchange: Exchange, names: dict[str, str]) -> None:
    """`GET /models/{model}/drift`: the window of all processes beside the reference."""
    model = service.model(names)
    exchange.model = model.name
    head = {"model": model.name, "version": model.version}
    drift = drift_of(model)
    if drift is None:
        exchange.reply(msgspec.json.encode(head | {"has_reference": False, "message": NO_REFERENCE}))
        return

    def finish(processes: dict[int, Any]) -> None:
        windows = [windows[key_of(model)] for windows in processes.values() if key_of(model) in windows]
        body = report(drift.profile, merged(windows or [drift.counts()]))
        exchange.reply(msgspec.json.encode(head | {"has_reference": True} | body))

    service.peers.gather("drift", finish, lambda error: service.engine.fail(exchange, error))
