"""What the Open Inference Protocol says about a server and its models: health, metadata, configuration, statistics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from ambidex._version import __version__
from ambidex.runtime.repository import Model
from ambidex.schema import Layout
from ambidex.server.packed import DATATYPES, packed_inputs, shape_of
from ambidex.server.statistics import statistics_of
from ambidex.server.tensors import Ports, wire_type

if TYPE_CHECKING:
    from ambidex.server.exchange import Exchange
    from ambidex.server.router import Route
    from ambidex.server.service import Service

encode = msgspec.json.Encoder().encode

MAX_BATCH = 4096
"""What clients that generate load are told; a request may hold more rows."""

EXTENSIONS = ("binary_tensor_data", "model_configuration", "model_repository", "statistics")
"""Of the protocol, that the server speaks."""

_COLUMN_TYPES = {"number": "FP64", "flag": "FP64", "text": "BYTES", "time": "INT64"}
_PLATFORM = "onnxruntime_onnx"


def live(service: Service, exchange: Exchange, names: dict[str, str]) -> None:
    """The event loop turns."""
    del service, names
    exchange.reply(b'{"live":true}')


def ready(service: Service, exchange: Exchange, names: dict[str, str]) -> None:
    """Every model is loaded and answering, and the server is not on its way out."""
    del names
    is_ready = bool(service.repository.names()) and not service.engine.is_draining
    body = b'{"ready":true}' if is_ready else b'{"ready":false}'
    exchange.reply(body, status=200 if is_ready else 503)


def server_metadata(service: Service, exchange: Exchange, names: dict[str, str]) -> None:
    """Name, version and extensions."""
    del service, names
    exchange.reply(encode({"name": "ambidex", "version": __version__, "extensions": EXTENSIONS}))


def model_ready(service: Service, exchange: Exchange, names: dict[str, str]) -> None:
    """A model that is served is ready: it was loaded aside before."""
    model = service.model(names)
    exchange.reply(encode({"name": model.name, "ready": True}))


def model_metadata(service: Service, exchange: Exchange, names: dict[str, str]) -> None:
    """The model's inputs and outputs; `packed_inputs` are what it takes instead of `inputs`."""
    model = service.model(names)
    versions = [str(other.version) for other in service.repository.versions(model.name)]
    head = {"name": model.name, "versions": versions, "platform": _PLATFORM}
    exchange.reply(encode(head | signature(model) | {"packed_inputs": packed_ports(model)}))


def signature(model: Model) -> dict[str, list[dict[str, Any]]]:
    """Inputs and outputs with datatype and shape; -1 is a free size."""
    ports = Ports(model.predictor)
    inputs = [
        {"name": name, "datatype": _COLUMN_TYPES[column.kind], "shape": _input_shape(layout, ports.task.horizon)}
        for name, (layout, column) in ports.columns.items()
    ]
    given = {output.name: output for output in model.predictor.session.outputs}
    outputs = []
    for name in model.predictor.outputs:
        dtype, free = given[name].dtype, given[name].shape
        shape = [-1, *(-1 if size is None else size for size in free[1:])]
        outputs.append({"name": name, "datatype": wire_type(dtype), "shape": shape if len(shape) > 1 else [-1, 1]})
    return {"inputs": inputs, "outputs": outputs}


def packed_ports(model: Model) -> list[dict[str, Any]]:
    """The packed inputs that may come in place of columns."""
    ports = Ports(model.predictor)
    return [
        {"name": layout.name, "datatype": DATATYPES[layout.dtype], "shape": shape_of(layout, ports.task.horizon)}
        for layout in packed_inputs(ports)
    ]


def _input_shape(layout: Layout, horizon: int) -> list[int]:
    return {"row": [-1, 1], "static": [-1, 1], "history": [-1, -1], "future": [-1, horizon]}[layout.span]


def model_config(service: Service, exchange: Exchange, names: dict[str, str]) -> None:
    """The configuration extension, as load generators read it."""
    model = service.model(names)
    exchange.reply(encode(config_of(model.name, {"platform": _PLATFORM, **signature(model)})))


def config_of(name: str, parts: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration of a model from its platform, inputs and outputs."""

    def ports(kind: str) -> list[dict[str, Any]]:
        return [
            {
                "name": port["name"],
                "data_type": "TYPE_" + {"BYTES": "STRING"}.get(port["datatype"], port["datatype"]),
                "dims": port["shape"][1:],
            }
            for port in parts[kind]
        ]

    return {
        "name": name,
        "platform": parts["platform"],
        "backend": "onnxruntime",
        "version_policy": {"all": {}},
        "max_batch_size": MAX_BATCH,
        "input": ports("inputs"),
        "output": ports("outputs"),
        "dynamic_batching": {},
    }


def model_statistics(service: Service, exchange: Exchange, names: dict[str, str]) -> None:
    """One model's counters, or those of every version of every model."""
    if "model" not in names:
        models = service.repository.models()
    elif "version" in names:
        models = [service.served(names)]
    else:
        models = service.repository.versions(service.served(names).name)
    exchange.reply(encode({"model_stats": [statistics_of(model).document(model) for model in models]}))


ROUTES: tuple[Route, ...] = (
    ("GET", "/v2", server_metadata),
    ("GET", "/v2/", server_metadata),
    ("GET", "/v2/health/live", live),
    ("GET", "/v2/health/ready", ready),
    ("GET", "/v2/models/stats", model_statistics),
    ("GET", "/v2/models/{model}", model_metadata),
    ("GET", "/v2/models/{model}/versions/{version}", model_metadata),
    ("GET", "/v2/models/{model}/ready", model_ready),
    ("GET", "/v2/models/{model}/versions/{version}/ready", model_ready),
    ("GET", "/v2/models/{model}/config", model_config),
    ("GET", "/v2/models/{model}/versions/{version}/config", model_config),
    ("GET", "/v2/models/{model}/stats", model_statistics),
    ("GET", "/v2/models/{model}/versions/{version}/stats", model_statistics),
)
