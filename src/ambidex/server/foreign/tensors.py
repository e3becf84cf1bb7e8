"""Tensors between clients and a foreign model's process: checked against what the model says it takes, then bytes."""

from __future__ import annotations

from array import array
from base64 import b64decode
from collections.abc import Callable, Sequence
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
_BEYOND = {"FP32": 2**128 - 2**103, "FP64": 2**1024 - 2**970}
"""The smallest number that rounds to infinity; whole, so that any JSON number compares exactly."""


Place = Callable[[str, int], str]
"""Where a row of an input stands in the request."""
_WORDS = {
    "BOOL": "true or false",
    "BYTES": "a string",
    **dict.fromkeys(_FLOATS, "a number"),
}


def in_tensors(name: str, row: int) -> str:
    """The place in a request that has a tensor per input."""
    del row
    return f"input {name!r}"


def checked_inputs(interface: Interface, wires: Sequence[Wire], place: Place = in_tensors) -> list[Wire]:
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
    return [_checked(port, given[name], place) for name, port in ports.items()]


def _checked(port: Port, wire: Wire, place: Place) -> Wire:
    datatype = wire.datatype or _meant(port, wire.data)
    if not _is_taken(port, datatype):
        where = place(port.name, 0)
        raise refusal("wrong_type", expected(f"datatype {port.datatype}", got=datatype, where=where), where)
    shape = fitting_shape(port, wire.shape, place(port.name, 0))
    size = prod(wire.shape[1:])

    def at(position: int) -> str:
        return place(port.name, position // size if size else 0)

    data = wire.data if isinstance(wire.data, memoryview) else _bytes_of(datatype, wire.data, at)
    if datatype == "BYTES":
        _check_texts(port.name, data, prod(shape))
    return Wire(name=port.name, datatype=datatype, shape=shape, data=data)


def _meant(port: Port, data: Any) -> str:
    """The datatype of untyped JSON: the port's, or what the values are where the port takes anything."""
    if port.takes == "any" and data and all(isinstance(value, (str, bytes, dict)) for value in data):
        return "BYTES"
    return port.datatype


def _is_taken(port: Port, datatype: str) -> bool:
    return datatype == port.datatype or port.takes == "any" or (port.takes == "numbers" and datatype != "BYTES")


def fitting_shape(port: Port, shape: tuple[int, ...], where: str) -> tuple[int, ...]:
    """The shape as the port has it: [batch] and [batch, 1] stand for each other. Raises `DataError`."""
    wanted = port.shape
    if wanted is None:
        return shape
    if len(wanted) == len(shape) + 1 and wanted[-1] == 1:
        shape = (*shape, 1)
    elif len(wanted) == len(shape) - 1 and len(wanted) == 1 and shape[-1] == 1:
        shape = shape[:-1]
    if len(wanted) != len(shape) or any(size not in (-1, own) for size, own in zip(wanted, shape, strict=True)):
        message = expected(f"shape {list(wanted)}", got=str(list(shape)), where=where)
        raise refusal("wrong_shape", message, where)
    return shape


def _bytes_of(datatype: str, data: Sequence[Any], at: Callable[[int], str]) -> memoryview:
    """JSON values as raw contents. Raises `DataError` for one of another type or beyond the type's range.

    `at` tells the place of a position.
    """
    if datatype == "BYTES":
        return memoryview(b"".join(_with_length(_raw(value, at, position)) for position, value in enumerate(data)))
    is_null = [value is None and datatype in _FLOATS for value in data]  # only floats can hold a missing value
    present = [value for value, is_missing in zip(data, is_null, strict=True) if not is_missing]
    allowed: set[type] = {bool} if datatype == "BOOL" else {int, float} if datatype in _FLOATS else {int}
    if not set(map(type, present)) <= allowed:
        position = next(one for one, value in enumerate(data) if not is_null[one] and type(value) not in allowed)
        raise _wrong_type(datatype, data[position], at(position))
    if present and not (_fits(datatype, min(present)) and _fits(datatype, max(present))):
        position = next(one for one, value in enumerate(data) if not is_null[one] and not _fits(datatype, value))
        message = expected(f"values of {datatype}", got="a larger one", where=at(position))
        raise refusal("out_of_range", message, at(position))
    values = [nan if is_missing else value for value, is_missing in zip(data, is_null, strict=True)]
    return memoryview(array(FORMATS[datatype][0].replace("?", "b"), values)).cast("B")


def _wrong_type(datatype: str, value: Any, where: str) -> Exception:
    words = f"{_WORDS.get(datatype, 'a whole number')} ({datatype})"
    return refusal("wrong_type", expected(words, got=shown(value), where=where), where)


def _fits(datatype: str, value: Any) -> bool:
    """Whether a number is within the datatype's range."""
    if datatype in _FLOATS:
        return bool(-_BEYOND[datatype] < value < _BEYOND[datatype])
    low, high = INTEGER_RANGES.get(datatype, (0, 1))
    return bool(low <= value <= high)


def _raw(value: Any, at: Callable[[int], str], position: int) -> bytes:
    """A text, or bytes that came as `{"b64": …}`."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        try:
            return value.encode()
        except UnicodeEncodeError:
            message = expected("text in Unicode", got="half a character", where=at(position))
            raise refusal("wrong_type", message, at(position)) from None
    if isinstance(value, dict) and list(value) == ["b64"] and isinstance(value["b64"], str):
        try:
            return b64decode(value["b64"], validate=True)
        except ValueError:
            message = expected("base64", got="other text", where=at(position))
            raise refusal("wrong_type", message, at(position)) from None
    raise _wrong_type("BYTES", value, at(position))


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
