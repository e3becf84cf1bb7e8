"""Tensors as they travel: named, typed, one per column. Their values into the packed tensors of a model, and back."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable, Mapping, Sequence
from math import isinf, isnan, prod
from typing import Any

import msgspec

from ambidex.errors import expected, one_of
from ambidex.runtime.predictor import Predictor
from ambidex.runtime.rows import interleaved, refusal, shown
from ambidex.runtime.series import first_not_rising
from ambidex.schema import Column, Layout, Tensor, parse_value
from ambidex.server.raw import FORMATS, INTEGER_RANGES, split_texts

MAX_DIMENSIONS = 8
_HIGHEST_BYTE = 7 if sys.byteorder == "little" else 0
_WIRE_TYPES = {"float64": "FP64", "float32": "FP32", "int64": "INT64", "bool": "BOOL", "string": "BYTES"}


class Wire(msgspec.Struct, frozen=True, kw_only=True):
    """An input as it came: `data` is a flat list from JSON, or raw little-endian bytes."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    data: list[Any] | memoryview


Convert = Callable[[Column, Wire], Any]
"""The values of an input as a column of the model: an array of doubles or int64, or a list of texts."""


class Ports:
    """The inputs and outputs of a model by the names that travel.

    Inputs are columns, `future_<name>` for the future of a covariate; shapes are [batch] or [batch, 1], for series
    [batch, time], [batch, horizon] for the future.
    """

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor
        self.task = predictor.schema.task
        self.columns: dict[str, tuple[Layout, Column]] = {}
        self._clock = next(((layout, at) for layout in predictor.layouts for at in _clocks(layout)), None)
        for layout in predictor.layouts:
            prefix = "future_" if layout.span == "future" else ""
            for column in layout.columns:
                self.columns[prefix + column.name] = (layout, column)

    def feeds(self, inputs: Sequence[Wire], *, convert: Convert | None = None) -> tuple[dict[str, Tensor], int]:
        """The packed tensors and the number of rows or series. Raises `DataError` that names the input.

        `convert` gives the typed values of a column, `wire_values` unless told.
        """
        given = {wire.name: wire for wire in inputs}
        if len(given) != len(inputs):
            raise refusal("duplicate_input", "Expected each input once, got one several times.", "inputs")
        for name in given:
            if name not in self.columns:
                got = f"input {shown(name)}"
                raise refusal("unknown_column", expected(one_of(self.columns, name), got=got, where="inputs"), name)
        for name in self.columns:
            if name not in given:
                raise refusal("missing_column", expected(f"an input {name!r}", got="none", where="inputs"), name)
        batch, steps = self.sizes({name: (layout, given[name]) for name, (layout, _) in self.columns.items()})
        convert = convert or wire_values
        typed = {name: convert(column, given[name]) for name, (_, column) in self.columns.items()}
        feeds = {layout.name: self._pack(layout, typed, batch, steps) for layout in self.predictor.layouts}
        self.check_times(feeds)
        return feeds, batch

    def check_times(self, feeds: Mapping[str, Tensor]) -> None:
        """The times of every history rise and none is missing, as in rows by name. Raises `DataError`."""
        if self._clock is None:
            return
        layout, at = self._clock
        tensor = feeds[layout.name]
        batch, steps, width = tensor.shape
        times: Sequence[int] = tensor.data[at::width]  # type: ignore[assignment]
        for series in range(batch):
            bad = first_not_rising(times[series * steps : (series + 1) * steps])
            if bad is not None:
                name = layout.columns[at].name
                place = f"input {name!r}, series {series}, step {bad}"
                what = "times that rise from step to step, none missing"
                message = expected(what, got="one that does not", where=place)
                raise refusal("wrong_order", message, name)

    def sizes(self, given: Mapping[str, tuple[Layout, Wire]]) -> tuple[int, int]:
        """Batch and time of all inputs, which must agree; time is -1 for a table."""
        batch = steps = -1
        first = ""
        for name, (layout, wire) in given.items():
            rows, time = _dimensions(wire, is_series=layout.span in ("history", "future"))
            if batch < 0:
                batch, first = rows, name
            if rows != batch:
                message = expected(f"{batch} rows as in {first!r}", got=f"{rows}", where=f"the shape of {name!r}")
                raise refusal("wrong_shape", message, name)
            if layout.span == "future" and time != self.task.horizon:
                raise refusal("wrong_shape", expected(f"{self.task.horizon} steps", got=time, where=name), name)
            if layout.span == "history":
                steps = time if steps < 0 else steps
                if time != steps:
                    raise refusal("wrong_shape", expected(f"{steps} steps in every input", got=time, where=name), name)
        if batch < 1:
            raise refusal("wrong_shape", expected("at least one row", got="none", where="inputs"), "inputs")
        if steps >= 0 and steps < max(self.task.min_history, 1):
            least = max(self.task.min_history, 1)
            raise refusal("history_too_short", expected(f"at least {least} steps", got=steps, where="inputs"), "inputs")
        return batch, steps

    def _pack(self, layout: Layout, typed: Mapping[str, Any], batch: int, steps: int) -> Tensor:
        """The columns of one group beside each other; only the last `max_history` steps of a history are kept."""
        width = len(layout.columns)
        prefix = "future_" if layout.span == "future" else ""
        columns = [typed[prefix + column.name] for column in layout.columns]
        lead: tuple[int, ...] = (batch,)
        if layout.span == "history":
            most = self.task.max_history
            if most is not None and steps > most:
                columns = [last_steps(values, steps, most) for values in columns]
                steps = most
            lead = (batch, steps)
        elif layout.span == "future":
            lead = (batch, self.task.horizon)
        data = interleaved(columns, is_text=layout.dtype == "string")
        if layout.dtype == "float64" and has_infinity(data):  # one look at all columns, and only then at each
            for column in layout.columns:
                refuse_infinity(typed[prefix + column.name], prefix + column.name)
        return Tensor(dtype=layout.dtype, shape=(*lead, width), data=data)  # type: ignore[arg-type]


def _clocks(layout: Layout) -> list[int]:
    """Where the times of a history stand among its columns."""
    return [at for at, column in enumerate(layout.columns) if layout.span == "history" and column.role == "time"]


def _dimensions(wire: Wire, *, is_series: bool) -> tuple[int, int]:
    """Rows and steps (1 for a table)."""
    shape = wire.shape
    if not is_series:
        if len(shape) == 1 or (len(shape) == 2 and shape[1] == 1):
            return shape[0], 1
        raise _wrong_shape(wire, "shape [batch] or [batch, 1]")
    if len(shape) == 2 or (len(shape) == 3 and shape[2] == 1):
        return shape[0], shape[1]
    raise _wrong_shape(wire, "shape [batch, time]")


def _wrong_shape(wire: Wire, what: str) -> Exception:
    return refusal("wrong_shape", expected(what, got=str(list(wire.shape)), where=f"input {wire.name!r}"), wire.name)


def last_steps(values: Any, steps: int, most: int) -> Any:
    """The last `most` of every `steps` values."""
    kept = values[:0]
    for start in range(0, len(values), steps):
        kept += values[start + steps - most : start + steps]
    return kept


def check_count(wire: Wire) -> None:
    """The shape is one that can be meant and holds as many values as came. Raises `DataError`."""
    if wire.datatype not in FORMATS:
        message = expected(one_of(FORMATS, wire.datatype), got=shown(wire.datatype), where=f"input {wire.name!r}")
        raise refusal("wrong_type", message, wire.name)
    if len(wire.shape) > MAX_DIMENSIONS or min(wire.shape, default=0) < 0:
        raise _wrong_shape(wire, "a shape without negative sizes")
    count = prod(wire.shape)
    if isinstance(wire.data, list):
        got, unit = len(wire.data), "values"
    elif wire.datatype == "BYTES":
        return  # how many texts there are is known when they are split
    else:
        got, count, unit = len(wire.data), count * FORMATS[wire.datatype][1], f"bytes of {wire.datatype}"
    if got != count:
        what = f"{count} {unit} for shape {list(wire.shape)}"
        message = expected(what, got=got, where=f"input {wire.name!r}")
        raise refusal("wrong_shape", message, wire.name)


def wire_values(column: Column, wire: Wire) -> Any:
    """The column's values as the graph takes them: an array of doubles or int64, or a list of texts."""
    if wire.datatype == "BYTES":
        texts = wire_texts(wire)
        if column.kind == "text":
            return [text.strip() for text in texts]
        place = f"input {wire.name!r}"
        return array("q" if column.kind == "time" else "d", [parse_value(column, text, place) for text in texts])
    if column.kind == "text":
        raise _wrong_type(column, wire, "BYTES")
    if column.kind == "time":
        if wire.datatype != "INT64":
            raise _wrong_type(column, wire, "INT64 or BYTES")
        return wire_integers(wire)
    numbers = wire_numbers(wire)
    if column.kind == "flag" and not {value for value in numbers if not isnan(value)} <= {0.0, 1.0}:
        raise refusal("wrong_type", expected("0 and 1", got="other numbers", where=f"input {wire.name!r}"), wire.name)
    return numbers


def _wrong_type(column: Column, wire: Wire, what: str) -> Exception:
    message = expected(f"datatype {what} for column {column.name!r}", got=wire.datatype, where=f"input {wire.name!r}")
    return refusal("wrong_type", message, wire.name)


def wire_integers(wire: Wire) -> array[int]:
    """The values of an INT64 input."""
    return array("q", _checked_list(wire)) if isinstance(wire.data, list) else array("q", bytes(wire.data))


def wire_numbers(wire: Wire) -> array[float]:
    """Doubles from any numeric datatype. NaN is a missing value; infinities are still in it."""
    if isinstance(wire.data, list):
        return array("d", _checked_list(wire))
    if wire.datatype != "FP64":
        form: Any = FORMATS[wire.datatype][0]
        return array("d", wire.data.cast(form).tolist())
    numbers = array("d")
    numbers.frombytes(wire.data)
    return numbers


def refuse_infinity(numbers: array[float], name: str) -> None:
    """Raises `DataError` where one of an input's numbers is infinite."""
    if has_infinity(numbers):
        message = expected("finite numbers or NaN", got="an infinity", where=f"input {name!r}")
        raise refusal("out_of_range", message, name)


def has_infinity(numbers: array[float]) -> bool:
    """Whether any of the doubles is infinite. Only NaN, infinities and enormous numbers have these highest bytes."""
    highest = numbers.tobytes()[_HIGHEST_BYTE::8]
    return (b"\x7f" in highest or b"\xff" in highest) and any(map(isinf, numbers))


def _checked_list(wire: Wire) -> list[Any]:
    """JSON values that are of the datatype they claim to be."""
    data = wire.data
    assert isinstance(data, list)
    kinds = set(map(type, data))
    allowed: set[type]
    if wire.datatype == "BOOL":
        allowed = {bool} if not kinds <= {int} or not set(data) <= {0, 1} else {int}
    elif wire.datatype in INTEGER_RANGES:
        allowed = {int}
    else:
        allowed = {int, float}
    if not kinds <= allowed:
        bad = next(value for value in data if type(value) not in allowed)
        message = expected(f"values of {wire.datatype}", got=shown(bad), where=f"input {wire.name!r}")
        raise refusal("wrong_type", message, wire.name)
    low, high = INTEGER_RANGES.get(wire.datatype, (0, 0))
    if data and high and not (low <= min(data) and max(data) <= high):
        raise refusal(
            "out_of_range", expected(f"values of {wire.datatype}", got="a larger one", where=wire.name), wire.name
        )
    return data


def wire_texts(wire: Wire) -> Sequence[str]:
    """The values of a BYTES input, without a NUL in any."""
    if isinstance(wire.data, memoryview):
        texts = split_texts(wire.data, wire.name)
        if len(texts) != prod(wire.shape):
            message = expected(
                f"{prod(wire.shape)} texts for shape {list(wire.shape)}", got=len(texts), where=wire.name
            )
            raise refusal("wrong_shape", message, wire.name)
    else:
        given: list[Any] = wire.data
        if set(map(type, given)) - {str}:
            bad = next(value for value in given if not isinstance(value, str))
            message = expected("strings for BYTES", got=shown(bad), where=f"input {wire.name!r}")
            raise refusal("wrong_type", message, wire.name)
        texts = given
    if "\0" in "".join(texts):
        raise refusal("out_of_range", expected("texts without NUL", got="one with it", where=wire.name), wire.name)
    return texts


def wire_type(dtype: str) -> str:
    """The name that our element types have on the wire."""
    return _WIRE_TYPES[dtype]
