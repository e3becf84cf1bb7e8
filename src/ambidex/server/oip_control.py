"""The repository extension of the Open Inference Protocol: index, load, unload."""

from __future__ import annotations

from collections.abc import Mapping
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
    exchange.reply(encode(index_of(service, wants_ready=wants_ready)))


def index_of(service: Service, *, wants_ready: bool) -> list[dict[str, str]]:
    """Every model and version with its state, or only those that are ready."""
    return [entry for entry in service.catalog.index() if entry["state"] == "READY" or not wants_ready]


def load(service: Service, exchange: Exchange, names: dict[str, str]) -> None:
    """Loads a model's files anew."""
    allow(service, _document(exchange).get("parameters", {}))
    _control(service, exchange, lambda: service.catalog.load(names["model"]))


def unload(service: Service, exchange: Exchange, names: dict[str, str]) -> None:
    """Stops serving a model."""
    allow(service, _document(exchange).get("parameters", {}))
    _control(service, exchange, lambda: service.catalog.unload(names["model"]))


def _document(exchange: Exchange) -> dict[str, Any]:
    document = plain_document(exchange.body) if exchange.body else {}
    if not isinstance(document, dict):
        raise refusal("wrong_type", expected("an object", got=shown(document), where="body"), "body")
    return document


def allow(service: Service, parameters: object) -> None:
    """Control is off unless asked for; files and configurations from a client are never taken."""
    if not service.settings.allow_control:
        message = "Expected a server started with --allow-control, got one without: models follow their files."
        raise RequestError(403, "control_off", message)
    foreign = sorted(set(parameters) - {"unload_dependents"}) if isinstance(parameters, Mapping) else ["parameters"]
    if foreign:
        message = expected("no files or configuration from a client", got=shown(foreign[0]), where="parameters")
        raise refusal("unknown_member", message, "parameters")


def _control(service: Service, exchange: Exchange, work: Callable[[], None]) -> None:
    """Does the work in a thread."""
    finish, fail = (lambda _: exchange.reply(b"{}")), (lambda error: service.engine.fail(exchange, error))
    service.plane.aside(lambda: settled(work), finish, fail)


def settled(work: Callable[[], None]) -> None:
    """Does the work; a file that cannot be served is the caller's news, not our failure. Raises `RequestError`."""
    try:
        work()
    except UsageError as error:
        raise RequestError(404, "no_such_model", error.message) from None
    except AmbidexError as error:
        raise RequestError(400, "broken_model", error.message) from None


ROUTES: tuple[Route, ...] = (
    ("POST", "/v2/repository/index", index),
    ("POST", "/v2/repository/models/{model}/load", load),
    ("POST", "/v2/repository/models/{model}/unload", unload),
)
