"""Tensors between clients and a foreign model's process: checked against what the model says it takes, then bytes."""

from __future__ import annotations

from array import array
from base64 import b64decode
from collections.abc import Sequence
from math import inf, isnan, nan, prod
from struct import Struct
from typing import Any

from ambidex.errors import expected, one_of
from ambidex.runtime.rows import refusal, shown
from ambidex.runtime.worker_protocol import Interface, Port
from ambidex.server.raw import FORMATS, INTEGER_RANGES
from ambidex.server.tensors import Wire

_LENGTH = Struct("<I")
_FLOATS = ("FP32", "FP64")


def checked_inputs(interface: Interface, wires: Sequence[Wire]) -> list[Wire]:
    """The inputs as bytes, in the model's order. Raises `DataError` for names, types, shapes or values that do not fit.

    A wire without a datatype holds values of JSON whose type is the port's.
    """
    ports = {port.name: port for port in interface.inputs}
    given = {wire.name: wire for wire in wires}
    if len(given) != len(wires):
        raise refusal("duplicate_input", "Expected each input once, got one several times.", "inputs")
    for name in given:
        if name not in ports:
            got = f"input {shown(name)}"
            raise refusal("unknown_column", expected(one_of(ports, name), got=got, where="inputs"), name)
    for name in ports:
        if name not in given:
            raise refusal("missing_column", expected(f"an input {name!r}", got="none", where="inputs"), name)
    return [_checked(port, given[name]) for name, port in ports.items()]


def _checked(port: Port, wire: Wire) -> Wire:
    datatype = wire.datatype or _meant(port, wire.data)
    if datatype != port.datatype and not port.is_open:
        message = expected(f"datatype {port.datatype}", got=datatype, where=f"input {port.name!r}")
        raise refusal("wrong_type", message, port.name)
    shape = fitting_shape(port, wire.shape)
    data = wire.data if isinstance(wire.data, memoryview) else _bytes_of(port.name, datatype, wire.data)
    if datatype == "BYTES":
        _check_texts(port.name, data, prod(shape))
    return Wire(name=port.name, datatype=datatype, shape=shape, data=data)


def _meant(port: Port, data: Any) -> str:
    """The datatype of untyped JSON: the port's, or what the values are where the port is open."""
    if port.is_open and data and all(isinstance(value, (str, bytes, dict)) for value in data):
        return "BYTES"
    if port.is_open and port.datatype == "BYTES" and data and not any(isinstance(value, str) for value in data):
        return "FP64"
    return port.datatype


def fitting_shape(port: Port, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape as the port has it: [batch] and [batch, 1] stand for each other. Raises `DataError`."""
    wanted = port.shape
    if wanted is None:
        return shape
    if len(wanted) == len(shape) + 1 and wanted[-1] == 1:
        shape = (*shape, 1)
    elif len(wanted) == len(shape) - 1 and len(wanted) == 1 and shape[-1] == 1:
        shape = shape[:-1]
    if len(wanted) != len(shape) or any(size not in (-1, own) for size, own in zip(wanted, shape, strict=True)):
        message = expected(f"shape {list(wanted)}", got=str(list(shape)), where=f"input {port.name!r}")
        raise refusal("wrong_shape", message, port.name)
    return shape


def _bytes_of(name: str, datatype: str, data: Sequence[Any]) -> memoryview:
    """JSON values as raw contents. Raises `DataError` for one of another type or beyond the type's range."""
    if datatype == "BYTES":
        return memoryview(b"".join(_with_length(_raw(name, value)) for value in data))
    place = f"input {name!r}"
    values: list[Any] = list(data)
    if datatype in _FLOATS:
        values = [nan if value is None else value for value in values]
    allowed = {"BOOL": (bool,), "FP32": (int, float), "FP64": (int, float)}.get(datatype, (int,))
    for value in values:
        if type(value) not in allowed:
            raise refusal("wrong_type", expected(f"values of {datatype}", got=shown(value), where=place), name)
    low, high = INTEGER_RANGES.get(datatype, (0, 0))
    if high and values and not (low <= min(values) and max(values) <= high):
        raise refusal("out_of_range", expected(f"values of {datatype}", got="a larger one", where=place), name)
    code = FORMATS[datatype][0].replace("?", "b")
    try:
        packed = array(code, values)
        is_beyond = datatype in _FLOATS and any(abs(value) == inf for value in packed)
    except OverflowError:
        is_beyond = True
    if is_beyond:
        raise refusal("out_of_range", expected(f"values of {datatype}", got="a larger one", where=place), name)
    return memoryview(packed).cast("B")


def _raw(name: str, value: Any) -> bytes:
    """A text, or bytes that came as `{"b64": …}`."""
    place = f"input {name!r}"
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        try:
            return value.encode()
        except UnicodeEncodeError:
            raise refusal(
                "wrong_type", expected("text in Unicode", got="half a character", where=place), name
            ) from None
    if isinstance(value, dict) and list(value) == ["b64"] and isinstance(value["b64"], str):
        try:
            return b64decode(value["b64"], validate=True)
        except ValueError:
            raise refusal("wrong_type", expected("base64", got="other text", where=place), name) from None
    raise refusal("wrong_type", expected("strings", got=shown(value), where=place), name)


def _with_length(raw: bytes) -> bytes:
    return _LENGTH.pack(len(raw)) + raw


def _check_texts(name: str, data: memoryview, count: int) -> None:
    """As many texts as the shape says, each as long as it says."""
    found = len(split_raw(data, name))
    if found != count:
        raise refusal("wrong_shape", expected(f"{count} texts", got=found, where=f"input {name!r}"), name)


def split_raw(data: memoryview, name: str) -> list[bytes]:
    """The items of raw BYTES contents. Raises `DataError` for a length that does not fit."""
    raw, items, at = bytes(data), [], 0
    while at < len(raw):
        length = _LENGTH.unpack_from(raw, at)[0] if at + 4 <= len(raw) else len(raw)
        at += 4 + length
        if at > len(raw):
            raise refusal("wrong_shape", expected("whole texts", got="a length past the end", where=name), name)
        items.append(raw[at - length : at])
    return items


def plain_values(wire: Wire) -> list[Any]:
    """A tensor's values for JSON, flat; a number that is none becomes null, bytes that are no text lose what is not."""
    assert isinstance(wire.data, memoryview)
    if wire.datatype == "BYTES":
        return [item.decode(errors="replace") for item in split_raw(wire.data, wire.name)]
    form: Any = FORMATS[wire.datatype][0]
    values: list[Any] = wire.data.cast(form).tolist()
    if wire.datatype in _FLOATS:
        return [None if isnan(value) or abs(value) == inf else value for value in values]
    return values


def nested_values(wire: Wire) -> Any:
    """The same as lists within lists, or a bare value for a tensor without dimensions."""
    nested: list[Any] = plain_values(wire)
    if not wire.shape:
        return nested[0]
    for size in reversed(wire.shape[1:]):
        count = len(nested) // size if size else prod(wire.shape[:-1])
        nested = [nested[at * size : (at + 1) * size] for at in range(count)]
    return nested
