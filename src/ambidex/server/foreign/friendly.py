"""The friendly protocol for foreign models: rows of inputs by name in, rows of outputs by name out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from ambidex.runtime.worker_protocol import Interface
from ambidex.server.foreign.answering import answer, described, foreign_model
from ambidex.server.foreign.model import ForeignModel
from ambidex.server.foreign.rows import answers_by_row, example_row, in_rows, name_labels, wires_of_rows
from ambidex.server.foreign.tensors import checked_inputs
from ambidex.server.json_codec import check_document, objects, plain_document
from ambidex.server.request_error import too_many_rows

if TYPE_CHECKING:
    from ambidex.server.exchange import Exchange
    from ambidex.server.router import Handler
    from ambidex.server.service import Service

encode = msgspec.json.Encoder().encode


def predict(service: Service, exchange: Exchange, names: dict[str, str]) -> None:
    """`{"rows": [{…}]}` answers `{"predictions": [{…}]}`."""
    model = foreign_model(service, exchange, names)

    def work() -> tuple[bytes, bytes, int]:
        document = plain_document(exchange.body)
        check_document(document, "rows")
        rows = objects(document["rows"], "rows")
        if len(rows) > service.limits.rows:
            raise too_many_rows(len(rows), service.limits.rows)
        if not rows:
            return b'{"predictions":[]}', b"", 0
        interface = model.loaded
        place = in_rows("rows")
        outputs = model.run(checked_inputs(interface, wires_of_rows(interface, rows, place), place), ())
        answers = answers_by_row(outputs, len(rows))
        name_labels(interface, answers)
        return encode({"predictions": answers}), b"", len(rows)

    answer(service, exchange, model, work)


def describe(service: Service, exchange: Exchange, names: dict[str, str]) -> None:
    """The model's inputs and outputs, and a request that works. Loads the model where that has not happened."""
    model = foreign_model(service, exchange, names)

    def work() -> tuple[bytes, bytes, int]:
        row = example_row(model.loaded)
        shown = {"example": {"rows": [row]}} if row is not None else {"example": None, "note": _unknown(model.loaded)}
        return encode(summary(model) | shown), b"", 0

    answer(service, exchange, model, work)


def summary(model: ForeignModel) -> dict[str, Any]:
    """What `GET /models` says of it; inputs and outputs once they are known."""
    from ambidex.server.friendly import predict_path

    parts = described(model) | {"predict": predict_path(model.name)}
    if model.interface is not None:
        parts |= {"runs_on": model.interface.runs_on}
        for kind, given in (("inputs", model.interface.inputs), ("outputs", model.interface.outputs)):
            parts[kind] = [{"name": port.name, "datatype": port.datatype, "shape": port.told} for port in given]
    return parts


def _unknown(interface: Interface) -> str:
    """Why there is no example."""
    names = ", ".join(repr(port.name) for port in interface.inputs if port.shape is None)
    return f"The file does not say the shape of {names}, and the model refused what was tried. Send what fits it."


def ports(interface: Interface) -> dict[str, Any]:
    """Inputs and outputs as the Open Inference Protocol describes tensors; a shape nobody knows is empty."""

    def described_ports(given: Any) -> list[dict[str, Any]]:
        return [{"name": port.name, "datatype": port.datatype, "shape": list(port.told or ())} for port in given]

    return {"inputs": described_ports(interface.inputs), "outputs": described_ports(interface.outputs)}


HANDLERS: dict[str, Handler] = {"/models/{model}/predict": predict, "/models/{model}": describe}
