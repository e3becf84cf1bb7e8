"""TensorFlow Serving's REST API for foreign models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from ambidex.errors import expected
from ambidex.runtime.rows import refusal, shown
from ambidex.server.foreign.answering import answer, foreign_model
from ambidex.server.foreign.friendly import ports
from ambidex.server.foreign.model import State
from ambidex.server.foreign.rows import answers_by_row, wires_of_columns, wires_of_instances
from ambidex.server.foreign.tensors import checked_inputs, nested_values
from ambidex.server.json_codec import plain_document
from ambidex.server.tensorflow_rest import check_members, metadata_of

if TYPE_CHECKING:
    from ambidex.server.exchange import Exchange
    from ambidex.server.router import Handler
    from ambidex.server.service import Service

encode = msgspec.json.Encoder().encode

_STATES: dict[State, str] = {
    "idle": "START",
    "loading": "LOADING",
    "up": "AVAILABLE",
    "down": "LOADING",
    "broken": "END",
}


def predict(service: Service, exchange: Exchange, names: dict[str, str]) -> None:
    """`{"instances": […]}` answers `{"predictions": […]}`, `{"inputs": {…}}` answers `{"outputs": {…}}`."""
    model = foreign_model(service, exchange, names)

    def work() -> tuple[bytes, bytes, int]:
        document = plain_document(exchange.body)
        if not isinstance(document, dict):
            raise refusal("wrong_type", expected("an object", got=shown(document), where="body"), "body")
        check_members(document, {"signature_name", "instances", "inputs"})
        if ("instances" in document) == ("inputs" in document):
            raise refusal("wrong_type", expected("one of instances and inputs", got="both or none"), "body")
        interface = model.loaded
        if "inputs" in document:
            outputs = model.run(checked_inputs(interface, *wires_of_columns(interface, document["inputs"])), ())
            columns = {wire.name: nested_values(wire) for wire in outputs}
            return encode({"outputs": columns if len(columns) > 1 else next(iter(columns.values()))}), b"", 1
        wires, rows, place = wires_of_instances(interface, document["instances"])
        outputs = model.run(checked_inputs(interface, wires, place), ())
        answers: list[Any] = answers_by_row(outputs, rows)
        if len(outputs) == 1:
            answers = [answer[outputs[0].name] for answer in answers]
        return encode({"predictions": answers}), b"", rows

    answer(service, exchange, model, work)


def refuse(service: Service, exchange: Exchange, names: dict[str, str]) -> None:
    """`classify` and `regress` are for models that say what they answer."""
    model = foreign_model(service, exchange, names)
    raise refusal("wrong_method", expected("an artifact", got=f"the foreign model {model.name!r}, use :predict"), "")


def status(service: Service, exchange: Exchange, names: dict[str, str]) -> None:
    """The version's state. To ask is to begin: where it is not loaded, loading starts."""
    model = foreign_model(service, exchange, names)
    model.begin()
    is_bad = model.state == "broken"
    error = {"error_code": "UNKNOWN" if is_bad else "OK", "error_message": model.reason if is_bad else ""}
    state = {"version": str(model.version), "state": _STATES[model.state], "status": error}
    exchange.reply(encode({"model_version_status": [state]}))


def metadata(service: Service, exchange: Exchange, names: dict[str, str]) -> None:
    """The signature, as `saved_model_cli` would show it. Loads the model where that has not happened."""
    model = foreign_model(service, exchange, names)

    def work() -> tuple[bytes, bytes, int]:
        document = metadata_of(model.name, model.version, ports(model.loaded))
        signature = document["metadata"]["signature_def"]["signature_def"]["serving_default"]
        for kind, given in (("inputs", model.loaded.inputs), ("outputs", model.loaded.outputs)):
            for port in given:
                signature[kind][port.name]["tensor_shape"]["unknown_rank"] = port.told is None
        return encode(document), b"", 0

    answer(service, exchange, model, work)


HANDLERS: dict[str, Handler] = {
    "/v1/models/{model}:predict": predict,
    "/v1/models/{model}:classify": refuse,
    "/v1/models/{model}:regress": refuse,
    "/v1/models/{model}": status,
    "/v1/models/{model}/metadata": metadata,
}
