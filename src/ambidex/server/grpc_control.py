"""Triton's extensions over gRPC, which its clients and load generators ask for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ambidex.errors import UsageError
from ambidex.server.oip_control import allow, index_of, settled
from ambidex.server.oip_describe import config_of
from ambidex.server.request_error import RequestError
from ambidex.server.statistics import statistics_of

if TYPE_CHECKING:
    from ambidex.runtime.repository import Served
    from ambidex.server.service import Service

Make = Callable[..., Any]
"""Makes a message from its name and fields."""

_TYPES = [
    "INVALID",
    "BOOL",
    "UINT8",
    "UINT16",
    "UINT32",
    "UINT64",
    "INT8",
    "INT16",
    "INT32",
    "INT64",
    "FP16",
    "FP32",
    "FP64",
    "STRING",
]
"""The names of a configuration's datatypes, in the order of their numbers."""


class ControlCalls:
    """The calls; `metadata` gives a model's platform, inputs and outputs."""

    def __init__(self, service: Service, make: Make, metadata: Callable[[Served], Mapping[str, Any]]) -> None:
        self._service = service
        self._make = make
        self._metadata = metadata

    def calls(self) -> dict[str, Callable[[Any], Any]]:
        """The functions by the names of their calls."""
        return {
            "ModelConfig": self._config,
            "ModelStatistics": self._statistics,
            "RepositoryIndex": self._index,
            "RepositoryModelLoad": self._load,
            "RepositoryModelUnload": self._unload,
        }

    def _config(self, request: Any) -> Any:
        names = {"model": request.name} | ({"version": request.version} if request.version else {})
        model = self._service.served(names)
        config = config_of(model.name, self._metadata(model))
        for port in (*config["input"], *config["output"]):
            port["data_type"] = _TYPES.index(port["data_type"].removeprefix("TYPE_"))
        del config["version_policy"]  # a choice of messages, of which readers take the first for granted
        return self._make("ModelConfigResponse", config=config)

    def _statistics(self, request: Any) -> Any:
        repository = self._service.repository
        try:
            models = repository.versions(request.name) if request.name else repository.models()
        except UsageError as error:
            raise RequestError(404, "no_such_model", error.message) from None
        chosen = [model for model in models if request.version in ("", str(model.version))]
        return self._make("ModelStatisticsResponse", model_stats=[statistics_of(one).document(one) for one in chosen])

    def _index(self, request: Any) -> Any:
        return self._make("RepositoryIndexResponse", models=index_of(self._service, wants_ready=request.ready))

    def _load(self, request: Any) -> Any:
        allow(self._service, request.parameters)
        settled(lambda: self._service.catalog.load(request.model_name))
        return self._make("RepositoryModelLoadResponse")

    def _unload(self, request: Any) -> Any:
        allow(self._service, request.parameters)
        settled(lambda: self._service.catalog.unload(request.model_name))
        return self._make("RepositoryModelUnloadResponse")
