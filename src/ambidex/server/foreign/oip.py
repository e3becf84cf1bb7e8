"""The Open Inference Protocol for foreign models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from ambidex.errors import AmbidexError
from ambidex.server.foreign.answering import answer, foreign_model
from ambidex.server.foreign.friendly import ports
from ambidex.server.foreign.model import ForeignModel
from ambidex.server.foreign.tensors import checked_inputs, plain_values
from ambidex.server.oip import BINARY, read_request, wanted_outputs
from ambidex.server.statistics import statistics_of
from ambidex.server.tensors import Wire

if TYPE_CHECKING:
    from ambidex.server.exchange import Exchange
    from ambidex.server.router import Handler
    from ambidex.server.service import Service

encode = msgspec.json.Encoder().encode


def infer(service: Service, exchange: Exchange, names: dict[str, str]) -> None:
    """`POST /v2/models/{model}/infer`."""
    model = foreign_model(service, exchange, names)
    statistics = statistics_of(model)

    def work() -> tuple[bytes, bytes, int]:
        try:
            request, wires = read_request(exchange)
            interface = model.loaded
            wanted = wanted_outputs([port.name for port in interface.outputs], request)
            inputs = checked_inputs(interface, wires)
            outputs = model.run(inputs, [name for name, _ in wanted])
        except AmbidexError:
            service.loop.call_soon_threadsafe(statistics.failed)
            raise
        rows = inputs[0].shape[0] if inputs and inputs[0].shape else 1
        service.loop.call_soon_threadsafe(statistics.succeeded, rows, exchange.started)
        body, head = response(model, request.id, outputs, dict(wanted))
        return body, head, rows

    answer(service, exchange, model, work, kind=BINARY)


def response(
    model: ForeignModel, name: str | None, outputs: list[Wire], is_binary: dict[str, bool]
) -> tuple[bytes, bytes]:
    """Body and extra header lines."""
    described: list[dict[str, Any]] = []
    blobs: list[Any] = []
    for wire in outputs:
        entry: dict[str, Any] = {"name": wire.name, "datatype": wire.datatype, "shape": list(wire.shape)}
        if is_binary[wire.name]:
            blobs.append(wire.data)
            entry["parameters"] = {"binary_data_size": len(wire.data)}
        else:
            entry["data"] = plain_values(wire)
        described.append(entry)
    document: dict[str, Any] = {"model_name": model.name, "model_version": str(model.version)}
    head = encode(document | ({} if name is None else {"id": name}) | {"outputs": described})
    if not blobs:
        return head, b""
    return b"".join((head, *blobs)), b"Inference-Header-Content-Length: %d\r\n" % len(head)


def ready(service: Service, exchange: Exchange, names: dict[str, str]) -> None:
    """Whether the model's process would answer now. To ask is to begin: where it is not loaded, loading starts."""
    model = foreign_model(service, exchange, names)
    is_up = model.begin()
    body = {"name": model.name, "ready": is_up, "state": model.state}
    exchange.reply(encode(body), status=200 if is_up else 503)


def metadata(service: Service, exchange: Exchange, names: dict[str, str]) -> None:
    """Inputs and outputs. Loads the model where that has not happened."""
    model = foreign_model(service, exchange, names)
    versions = [str(other.version) for other in service.repository.versions(model.name)]

    def work() -> tuple[bytes, bytes, int]:
        head = {"name": model.name, "versions": versions, "platform": model.kind.name}
        return encode(head | ports(model.loaded)), b"", 0

    answer(service, exchange, model, work)


def configuration(service: Service, exchange: Exchange, names: dict[str, str]) -> None:
    """The configuration extension. Nothing is batched, so that every dimension is the model's own."""
    model = foreign_model(service, exchange, names)

    def work() -> tuple[bytes, bytes, int]:
        parts = {
            kind: [
                {
                    "name": port["name"],
                    "data_type": "TYPE_" + {"BYTES": "STRING"}.get(port["datatype"], port["datatype"]),
                    "dims": port["shape"],
                }
                for port in listed
            ]
            for kind, listed in ports(model.loaded).items()
        }
        document = {
            "name": model.name,
            "platform": model.kind.name,
            "backend": model.kind.name,
            "version_policy": {"all": {}},
            "max_batch_size": 0,
            "input": parts["inputs"],
            "output": parts["outputs"],
        }
        return encode(document), b"", 0

    answer(service, exchange, model, work)


HANDLERS: dict[str, Handler] = {
    "/v2/models/{model}/infer": infer,
    "/v2/models/{model}": metadata,
    "/v2/models/{model}/ready": ready,
    "/v2/models/{model}/config": configuration,
}
