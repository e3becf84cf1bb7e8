"""The Open Inference Protocol over gRPC, by grpcio; imported only when its port is asked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from math import prod
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

from ambidex._version import __version__
from ambidex.errors import BackendError, DataError, UsageError, expected, one_of
from ambidex.runtime.repository import Model, Served
from ambidex.runtime.rows import refusal
from ambidex.server import oip_describe as describe
from ambidex.server.foreign.calls import ForeignCalls
from ambidex.server.foreign.model import ForeignModel
from ambidex.server.grpc_control import ControlCalls
from ambidex.server.oip import ports_of
from ambidex.server.packed import feeds_of
from ambidex.server.raw import FORMATS, raw_contents
from ambidex.server.request_error import RequestError
from ambidex.server.tensors import Wire, check_count, wire_type

if TYPE_CHECKING:
    from ambidex.schema import Tensor
    from ambidex.server.service import Service

_THREADS = 8
_OPEN = ("ServerLive", "ServerReady")
"""What needs no key, as over HTTP."""
_CONTENTS = {
    "BOOL": "bool_contents",
    **dict.fromkeys(("INT8", "INT16", "INT32"), "int_contents"),
    "INT64": "int64_contents",
    **dict.fromkeys(("UINT8", "UINT16", "UINT32"), "uint_contents"),
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}


class Call(NamedTuple):
    """What the prediction log wants to know of a call."""

    request_id: bytes
    started: float


class GrpcServer:
    """A started gRPC server beside the HTTP one; `port` is the one it listens on."""

    def __init__(self, service: Service, *, host: str, port: int) -> None:
        try:
            os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # what goes wrong is said by our own messages
            import grpc  # type: ignore[import-untyped]

            from ambidex.server.grpc_messages import SERVICE, build
        except ImportError as error:
            message = expected("grpcio and protobuf for --grpc-port", got="none", fix="pip install 'ambidex[grpc]'")
            raise BackendError(message) from error
        from concurrent.futures import ThreadPoolExecutor

        self._service = service
        self._messages = build()
        self._path = SERVICE
        self._grpc: Any = grpc
        size = ("grpc.max_receive_message_length", service.limits.body)
        reuse = ("grpc.so_reuseport", int(service.settings.processes > 1))
        pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="ambidex-grpc")
        self._server = grpc.server(pool, options=[size, reuse], maximum_concurrent_rpcs=service.limits.waiting)
        self._foreign = ForeignCalls(_THREADS // 2)
        self._server.add_generic_rpc_handlers((self._handlers(),))
        self.port = self._listen(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
        self._server.start()

    def _listen(self, address: str) -> int:
        settings = self._service.settings
        try:
            if not settings.tls_certificate:
                return int(self._server.add_insecure_port(address))
            with open(settings.tls_key or settings.tls_certificate, "rb") as file:
                key = file.read()
            with open(settings.tls_certificate, "rb") as file:
                credentials = self._grpc.ssl_server_credentials([(key, file.read())])
            return int(self._server.add_secure_port(address, credentials))
        except RuntimeError as error:
            fix = "Choose another --grpc-port."
            raise UsageError(expected("an address to listen on", got=f"{address}, in use", fix=fix)) from error

    def stop(self, grace: float) -> None:
        """Answers what has begun within `grace` seconds."""
        self._server.stop(grace).wait()

    def _handlers(self) -> Any:
        calls: dict[str, Callable[[Any], Any]] = {
            "ServerLive": lambda request: self._make("ServerLiveResponse", live=True),
            "ServerReady": lambda request: self._make(
                "ServerReadyResponse", ready=bool(self._service.repository.names())
            ),
            "ModelReady": self._model_ready,
            "ServerMetadata": lambda request: self._make(
                "ServerMetadataResponse", name="ambidex", version=__version__, extensions=describe.EXTENSIONS
            ),
            "ModelMetadata": self._model_metadata,
            "ModelInfer": self._infer,
            **ControlCalls(self._service, self._make, self._metadata).calls(),
        }
        methods = {
            name: self._grpc.unary_unary_rpc_method_handler(
                self._guarded(name, call),
                response_serializer=self._messages[f"{name}Response"].SerializeToString,
            )
            for name, call in calls.items()
        }
        return self._grpc.method_handlers_generic_handler(self._path, methods)

    def _make(self, message: str, **fields: Any) -> Any:
        return self._messages[message](**fields)

    def _guarded(self, name: str, call: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
        """The call with its errors as gRPC's, its key checked, counted and logged."""
        codes = self._grpc.StatusCode

        def run(raw: bytes, context: Any) -> Any:
            started = perf_counter()
            answer, request, status, text = None, None, codes.OK, ""
            try:
                headers = {key.encode(): str(value).encode() for key, value in context.invocation_metadata()}
                if name not in _OPEN:
                    self._service.access.check_key(headers)
                request = self._parsed(name, raw)
                answer = call(request)
            except Exception as error:  # noqa: BLE001 - the door: no request may end the server
                status, text = self._failure(error)
            self._account(name, request, status.name, perf_counter() - started)
            if answer is None:
                context.abort(status, text)
            return answer

        return run

    def _account(self, name: str, request: Any, status: str, seconds: float) -> None:
        """Counts a call; logs it where requests are logged. Only models that are served become labels."""
        service = self._service
        asked = getattr(request, "model_name", "") or getattr(request, "name", "")
        model = asked if asked in service.repository.names() else ""
        service.loop.call_soon_threadsafe(service.metrics.count, (f"grpc {name}", model), status, seconds)
        if service.engine.log_requests:
            given = getattr(request, "id", "").encode() or service.engine.new_id()
            service.engine.log_answer(given, "POST", f"/{self._path}/{name}", status, seconds)

    def _parsed(self, name: str, raw: bytes) -> Any:
        """The request. Parsed here, because grpcio itself would call bytes that are no message an error of ours."""
        from google.protobuf.message import DecodeError

        try:
            return self._messages[f"{name}Request"].FromString(raw)
        except DecodeError as error:
            what = expected(f"a message {name}Request", got="other bytes")
            raise refusal("malformed_message", what, "request") from error

    def _failure(self, error: Exception) -> tuple[Any, str]:
        """The status and text of an error; what is our own mistake goes to the log."""
        codes, service = self._grpc.StatusCode, self._service
        service.loop.call_soon_threadsafe(service.metrics.errors.add, (getattr(error, "code", "internal"),))
        if isinstance(error, RequestError):
            known = {
                400: codes.FAILED_PRECONDITION,
                401: codes.UNAUTHENTICATED,
                403: codes.PERMISSION_DENIED,
                404: codes.NOT_FOUND,
                413: codes.RESOURCE_EXHAUSTED,
            }
            return known.get(error.status, codes.UNAVAILABLE), error.message
        if isinstance(error, DataError):
            return codes.INVALID_ARGUMENT, error.message
        service.engine.log({"event": "failure", "error": f"{type(error).__name__}: {error}"})
        return codes.INTERNAL, "The server failed; its log says why."

    def _model(self, name: str, version: str) -> Served:
        return self._service.served({"model": name} | ({"version": version} if version else {}))

    def _model_ready(self, request: Any) -> Any:
        try:
            model = self._model(request.name, request.version)
        except RequestError:
            return self._make("ModelReadyResponse", ready=False)
        is_ready = model.begin() if isinstance(model, ForeignModel) else True
        return self._make("ModelReadyResponse", ready=is_ready)

    def _model_metadata(self, request: Any) -> Any:
        model = self._model(request.name, request.version)
        versions = [str(other.version) for other in self._service.repository.versions(model.name)]
        return self._make("ModelMetadataResponse", name=model.name, versions=versions, **self._metadata(model))

    def _metadata(self, model: Served) -> Mapping[str, Any]:
        if isinstance(model, ForeignModel):
            return self._foreign.metadata(model)
        assert isinstance(model, Model)
        return {"platform": "onnxruntime_onnx", **describe.signature(model)}

    def _infer(self, request: Any) -> Any:
        asked = Call(request_id=request.id.encode() or self._service.engine.new_id(), started=perf_counter())
        model = self._model(request.model_name, request.model_version)
        if isinstance(model, ForeignModel):
            answer, rows = self._foreign.infer(model, _wires(request), [output.name for output in request.outputs])
            self._service.loop.call_soon_threadsafe(self._service.metrics.rows.add, (model.name,), rows)
            return self._make("ModelInferResponse", id=request.id, **answer)
        assert isinstance(model, Model)
        wanted = [output.name for output in request.outputs] or list(model.predictor.outputs)
        for name in wanted:
            if name not in model.predictor.outputs:
                known = one_of(model.predictor.outputs, name)
                raise refusal("unknown_output", expected(known, got=f"output {name!r}", where="outputs"), "outputs")
        wires = _wires(request)
        feeds, rows = feeds_of(ports_of(model), wires)
        self._service.check_rows(feeds)
        outputs = model.predictor.predict_packed(feeds)
        self._service.loop.call_soon_threadsafe(self._service.metrics.rows.add, (model.name,), rows)
        self._service.record(asked, model, feeds, (outputs, 0, range(rows)))
        is_wide = len(wires[0].shape) > 1
        return self._response(model, request.id, [(name, outputs[name]) for name in wanted], is_wide=is_wide)

    def _response(self, model: Model, name: str, outputs: Sequence[tuple[str, Tensor]], *, is_wide: bool) -> Any:
        described = [
            {
                "name": output,
                "datatype": wire_type(tensor.dtype),
                "shape": [*tensor.shape, 1] if is_wide and len(tensor.shape) == 1 else list(tensor.shape),
            }
            for output, tensor in outputs
        ]
        raw = [raw_contents(tensor, 0, prod(tensor.shape)) for _, tensor in outputs]
        return self._make(
            "ModelInferResponse",
            model_name=model.name,
            model_version=str(model.version),
            id=name,
            outputs=described,
            raw_output_contents=raw,
        )


def _wires(request: Any) -> list[Wire]:
    """The inputs of a request: all raw, or all typed."""
    raw = request.raw_input_contents
    if raw and len(raw) != len(request.inputs):
        message = expected(f"raw contents of {len(request.inputs)} inputs", got=len(raw), where="raw_input_contents")
        raise refusal("wrong_shape", message, "raw_input_contents")
    wires = []
    for position, item in enumerate(request.inputs):
        if item.datatype not in FORMATS:
            known = one_of(FORMATS, item.datatype)
            raise refusal("wrong_type", expected(known, got=repr(item.datatype), where=item.name), item.name)
        data = memoryview(raw[position]) if raw else _typed(item)
        wire = Wire(name=item.name, datatype=item.datatype, shape=tuple(item.shape), data=data)
        check_count(wire)
        wires.append(wire)
    return wires


def _typed(item: Any) -> list[Any]:
    place = _CONTENTS[item.datatype]
    values = list(getattr(item.contents, place))
    others = [field.name for field, _ in item.contents.ListFields() if field.name != place]
    if others:
        message = expected(f"{item.datatype} in {place} alone", got=", ".join(others), where=item.name)
        raise refusal("wrong_type", message, item.name)
    if item.datatype == "BYTES":
        try:
            return [value.decode() for value in values]
        except UnicodeDecodeError:
            raise refusal(
                "wrong_type", expected("texts in UTF-8", got="other bytes", where=item.name), item.name
            ) from None
    if item.datatype in ("FP32", "FP64") and any(abs(value) == float("inf") for value in values):
        raise refusal("out_of_range", expected("finite numbers or NaN", got="an infinity", where=item.name), item.name)
    return values
