"""The Open Inference Protocol v2 over REST: JSON and the binary tensor extension."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Any

import msgspec

from ambidex.errors import AmbidexError, DataError, expected, one_of
from ambidex.runtime.answers import values
from ambidex.runtime.repository import Model
from ambidex.runtime.rows import refusal, shown
from ambidex.schema import Tensor
from ambidex.server import oip_control as control
from ambidex.server import oip_describe as describe
from ambidex.server.json_codec import plain_document
from ambidex.server.packed import feeds_of
from ambidex.server.plane import LARGE_BINARY, LARGE_BODY
from ambidex.server.raw import raw_contents
from ambidex.server.request_error import RequestError
from ambidex.server.statistics import statistics_of
from ambidex.server.tensors import Ports, Wire, check_count, wire_type

if TYPE_CHECKING:
    from ambidex.server.exchange import Exchange
    from ambidex.server.router import Route
    from ambidex.server.service import Service

encode = msgspec.json.Encoder().encode
_ENORMOUS = 2**63
BINARY = b"application/octet-stream"


class Input(msgspec.Struct, frozen=True):
    """An input tensor of a JSON request."""

    name: str
    shape: list[int]
    datatype: str
    data: Any = None
    parameters: dict[str, Any] | None = None


class Output(msgspec.Struct, frozen=True):
    """An output that is asked for."""

    name: str
    parameters: dict[str, Any] | None = None


class Infer(msgspec.Struct, frozen=True):
    """The JSON of an inference request. Members that are not ours are extensions of others and left alone."""

    inputs: list[Input]
    id: str | None = None
    outputs: list[Output] | None = None
    parameters: dict[str, Any] | None = None


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A decoded request: tensors, rows, and how the answer is wanted: (name, as binary) per output."""

    feeds: dict[str, Tensor]
    rows: int
    id: str | None
    outputs: list[tuple[str, bool]]
    is_wide: bool


_decoder = msgspec.json.Decoder(Infer)


def infer(service: Service, exchange: Exchange, names: dict[str, str]) -> None:
    """`POST /v2/models/{model}/infer`."""
    model = service.model(names)
    exchange.model = model.name
    asked = _Asked(service, exchange, model)
    try:
        if is_long(exchange):
            service.plane.aside(asked.work, asked.reply_counted, asked.fail)
        else:
            asked.run()
    except AmbidexError as error:
        asked.fail(error)


class _Asked:
    """One inference request on its way through the data plane."""

    __slots__ = ("_call", "_exchange", "_model", "_service")
    _call: Call

    def __init__(self, service: Service, exchange: Exchange, model: Model) -> None:
        self._service = service
        self._exchange = exchange
        self._model = model

    def run(self) -> None:
        """In the event loop, perhaps together with others. Raises `DataError` or `RequestError`."""
        call = self._call = self._decoded()
        self._service.plane.run(self._model, call.feeds, call.rows, self._finish, self.fail, wanted=self._wanted())

    def work(self) -> tuple[bytes, bytes]:
        """The same in a thread, by itself: body and extra header lines of the answer."""
        call = self._call = self._decoded()
        return self._settle(self._model.predictor.predict_packed(call.feeds, wanted=self._wanted()), 0)

    def reply_counted(self, answered: tuple[bytes, bytes]) -> None:
        """Sends what `work` gave. Rows are counted here because metrics belong to the event loop."""
        self._service.metrics.rows.add((self._model.name,), self._call.rows)
        self._reply(answered)

    def fail(self, error: Exception) -> None:
        """Answers with an error."""
        statistics_of(self._model).failed()
        self._service.engine.fail(self._exchange, error)

    def _decoded(self) -> Call:
        call = decode(self._model, self._exchange)
        self._service.check_rows(call.feeds)
        return call

    def _wanted(self) -> list[str] | None:
        return None if self._service.looks_at_answers(self._model) else [name for name, _ in self._call.outputs]

    def _finish(self, outputs: dict[str, Tensor], start: int) -> None:
        self._reply(self._settle(outputs, start))

    def _settle(self, outputs: dict[str, Tensor], start: int) -> tuple[bytes, bytes]:
        call = self._call
        self._service.record(self._exchange, self._model, call.feeds, (outputs, start, range(call.rows)))
        return answer(self._model, call, outputs, start)

    def _reply(self, answered: tuple[bytes, bytes]) -> None:
        body, head = answered
        self._exchange.reply(body, kind=BINARY if head else b"application/json", headers=head)


def is_long(exchange: Exchange) -> bool:
    """Whether decoding takes so long that the event loop should not wait for it. Texts are taken apart one by one."""
    if len(exchange.body) <= LARGE_BODY:
        return False
    head, blobs = split_body(exchange)
    return len(head) > LARGE_BODY or len(blobs) > LARGE_BINARY or b'"BYTES"' in head


def decode(model: Model, exchange: Exchange) -> Call:
    """The request's tensors. Raises `DataError` or `RequestError`."""
    request, inputs = read_request(exchange)
    feeds, rows = feeds_of(ports_of(model), inputs)
    wanted = wanted_outputs(model.predictor.outputs, request)
    return Call(feeds=feeds, rows=rows, id=request.id, outputs=wanted, is_wide=len(inputs[0].shape) > 1)


def read_request(exchange: Exchange) -> tuple[Infer, list[Wire]]:
    """A request and its input tensors, whatever the model. Raises `DataError` or `RequestError`."""
    head, blobs = split_body(exchange)
    try:
        request = _decoder.decode(head)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        plain_document(head, error)
        reason, _, place = str(error).partition(" - at ")
        where = place.strip("`").removeprefix("$.") or "body"
        message = f"Expected an inference request, got another at {where}: {reason}."
        raise refusal("wrong_type", message, where) from error
    inputs, used = [], 0
    for item in request.inputs:
        size = (item.parameters or {}).get("binary_data_size")
        if size is None:
            inputs.append(_json_input(item))
            continue
        if type(size) is not int or size < 0 or item.data is not None or used + size > len(blobs):
            got = f"binary_data_size {shown(size)} with {len(blobs) - used} bytes left"
            raise refusal(
                "wrong_shape", expected("binary data that fits the body", got=got, where=item.name), item.name
            )
        data = blobs[used : used + size]
        inputs.append(Wire(name=item.name, datatype=item.datatype, shape=_shape(item), data=data))
        used += size
    if used != len(blobs):
        got = f"{len(blobs) - used} bytes more"
        raise refusal("wrong_shape", expected("binary data of the sizes given", got=got, where="body"), "body")
    for wire in inputs:
        check_count(wire)
    return request, inputs


def split_body(exchange: Exchange) -> tuple[bytes, memoryview]:
    """The JSON and what follows it. Raises `DataError` where the header's length cannot be meant."""
    length = exchange.headers.get(b"inference-header-content-length")
    if length is None:
        return exchange.body, memoryview(b"")
    size = int(length) if length.isdigit() and len(length) < 12 else -1
    if not 0 <= size <= len(exchange.body):
        what = f"Inference-Header-Content-Length between 0 and {len(exchange.body)}"
        raise refusal("wrong_shape", expected(what, got=ascii(length.decode("latin-1"))), "headers")
    return exchange.body[:size], memoryview(exchange.body)[size:]


def _shape(item: Input) -> tuple[int, ...]:
    for size in item.shape:
        if not -_ENORMOUS < size < _ENORMOUS:
            message = expected("sizes of a tensor", got="an enormous one", where=item.name)
            raise refusal("wrong_shape", message, item.name)
    return tuple(item.shape)


def _json_input(item: Input) -> Wire:
    if not isinstance(item.data, list):
        got = "none" if item.data is None else shown(item.data)
        raise refusal("missing_data", expected("a list as data", got=got, where=f"input {item.name!r}"), item.name)
    data = item.data
    while data and isinstance(data[0], list):  # nested by rows; JSON's depth was bounded by its decoder
        if not all(isinstance(part, list) for part in data):
            raise refusal("wrong_shape", expected("lists of one depth", got="a mixture", where=item.name), item.name)
        data = [value for part in data for value in part]
    return Wire(name=item.name, datatype=item.datatype, shape=_shape(item), data=data)


def wanted_outputs(known: Sequence[str], request: Infer) -> list[tuple[str, bool]]:
    """The outputs asked for, all of them if none is named, and whether each goes out as binary."""
    is_binary = _flag(request.parameters, "binary_data_output", default=False)
    if not request.outputs:
        return [(name, is_binary) for name in known]
    wanted = []
    for output in request.outputs:
        if output.name not in known:
            message = expected(one_of(known, output.name), got=f"output {shown(output.name)}", where="outputs")
            raise refusal("unknown_output", message, "outputs")
        wanted.append((output.name, _flag(output.parameters, "binary_data", default=is_binary)))
    return wanted


def _flag(parameters: dict[str, Any] | None, name: str, *, default: bool) -> bool:
    value = (parameters or {}).get(name, default)
    if not isinstance(value, bool):
        raise refusal("wrong_type", expected(f"true or false for {name}", got=shown(value)), name)
    return value


def ports_of(model: Model) -> Ports:
    """The model's inputs by name, made once."""
    ports: Ports | None = model.derived.get("ports")
    if ports is None:
        ports = model.derived["ports"] = Ports(model.predictor)
    return ports


def answer(model: Model, call: Call, outputs: dict[str, Tensor], start: int) -> tuple[bytes, bytes]:
    """Body and extra header lines of a response for rows `start` and on. One column answers in the shape it came in."""
    described: list[dict[str, Any]] = []
    blobs: list[bytes] = []
    for name, is_binary in call.outputs:
        tensor = outputs[name]
        width = prod(tensor.shape[1:])
        shape = [call.rows, *tensor.shape[1:]]
        if len(shape) == 1 and call.is_wide:
            shape.append(1)
        entry: dict[str, Any] = {"name": name, "datatype": wire_type(tensor.dtype), "shape": shape}
        first, last = start * width, (start + call.rows) * width
        if is_binary:
            blobs.append(raw_contents(tensor, first, last))
            entry["parameters"] = {"binary_data_size": len(blobs[-1])}
        else:
            entry["data"] = values(tensor, first, last)
        described.append(entry)
    document: dict[str, Any] = {"model_name": model.name, "model_version": str(model.version)}
    if call.id is not None:
        document["id"] = call.id
    head = encode({**document, "outputs": described})
    if not blobs:
        return head, b""
    return b"".join((head, *blobs)), b"Inference-Header-Content-Length: %d\r\n" % len(head)


def error_shape(error: Exception, status: int) -> tuple[int, bytes]:
    """The protocol's own errors: `{"error": text}`, 400 for anything wrong in a body."""
    if not isinstance(error, (DataError, RequestError)):
        return status, b'{"error":"The server failed; its log has the request id."}'
    return 400 if isinstance(error, DataError) else status, encode({"error": str(error)})


ROUTES: tuple[Route, ...] = (
    ("POST", "/v2/models/{model}/infer", infer),
    ("POST", "/v2/models/{model}/versions/{version}/infer", infer),
    *describe.ROUTES,
    *control.ROUTES,
)
