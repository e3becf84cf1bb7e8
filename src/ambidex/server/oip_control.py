"""The repository extension of the Open Inference Protocol: index, load, unload."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from ambidex.errors import AmbidexError, UsageError, expected
from ambidex.runtime.rows import refusal, shown
from ambidex.server.json_codec import plain_document
from ambidex.server.request_error import RequestError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ambidex.server.exchange import Exchange
    from ambidex.server.router import Route
    from ambidex.server.service import Service

encode = msgspec.json.Encoder().encode


def index(service: Service, exchange: Exchange, names: dict[str, str]) -> None:
    """Every model with its state; with `{"ready": true}` those that are ready."""
    del names
    wants_ready = _document(exchange).get("ready", False)
    if not isinstance(wants_ready, bool):
        raise refusal("wrong_type", expected("true or false for ready", got=shown(wants_ready)), "ready")
    entries = service.catalog.index()
    exchange.reply(encode([entry for entry in entries if entry["state"] == "READY" or not wants_ready]))


def load(service: Service, exchange: Exchange, names: dict[str, str]) -> None:
    """Loads a model's files anew."""
    _check_allowed(service, _document(exchange))
    _control(service, exchange, lambda: service.catalog.load(names["model"]))


def unload(service: Service, exchange: Exchange, names: dict[str, str]) -> None:
    """Stops serving a model."""
    _check_allowed(service, _document(exchange))
    _control(service, exchange, lambda: service.catalog.unload(names["model"]))


def _document(exchange: Exchange) -> dict[str, Any]:
    document = plain_document(exchange.body) if exchange.body else {}
    if not isinstance(document, dict):
        raise refusal("wrong_type", expected("an object", got=shown(document), where="body"), "body")
    return document


def _check_allowed(service: Service, document: dict[str, Any]) -> None:
    """Control is off unless asked for; files and configurations from a client are never taken."""
    if not service.settings.allow_control:
        message = "Expected a server started with --allow-control, got one without: models follow their files."
        raise RequestError(403, "control_off", message)
    parameters = document.get("parameters", {})
    foreign = sorted(set(parameters) - {"unload_dependents"}) if isinstance(parameters, dict) else ["parameters"]
    if foreign:
        message = expected("no files or configuration from a client", got=shown(foreign[0]), where="parameters")
        raise refusal("unknown_member", message, "parameters")


def _control(service: Service, exchange: Exchange, work: Callable[[], None]) -> None:
    """Does the work in a thread; a file that cannot be served is the caller's news, not our failure."""

    def guarded() -> None:
        try:
            work()
        except UsageError as error:
            raise RequestError(404, "no_such_model", error.message) from None
        except AmbidexError as error:
            raise RequestError(400, "broken_model", error.message) from None

    service.plane.aside(guarded, lambda _: exchange.reply(b"{}"), lambda error: service.engine.fail(exchange, error))


ROUTES: tuple[Route, ...] = (
    ("POST", "/v2/repository/index", index),
    ("POST", "/v2/repository/models/{model}/load", load),
    ("POST", "/v2/repository/models/{model}/unload", unload),
)
