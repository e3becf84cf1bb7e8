"""The friendly JSON: rows and series by column name in, predictions and forecasts out.

Good requests take a short way: msgspec fills a record type made from the schema, in C. Whatever that refuses is read
again value by value, which finds the place and says what was expected there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from ambidex.errors import DataError, expected
from ambidex.runtime.predictor import Predictor
from ambidex.runtime.rows import read_json, refusal, shown
from ambidex.runtime.series import SeriesPacker, Window
from ambidex.schema import Column, Kind, Tensor
from ambidex.server.request_error import malformed, too_many_rows

_TYPES: dict[Kind, Any] = {
    "number": float | None,
    "flag": bool | Literal[0, 1] | None,
    "text": str | None,
    "time": str | int | None,
}
_NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_UNFIT = (msgspec.ValidationError, DataError, TypeError, OverflowError, ValueError)
_PLACE = re.compile(r" - at `\$\.?(.*)`$")

astuple = msgspec.structs.astuple


class Rows(msgspec.Struct, frozen=True, kw_only=True):
    """A decoded request for a table: its packed tensors, and how many rows they hold."""

    feeds: dict[str, Tensor]
    count: int


class RowsCodec:
    """Decodes `{"rows": [{…}]}` for one table model."""

    def __init__(self, predictor: Predictor, *, max_rows: int) -> None:
        self._predictor = predictor
        self._max_rows = max_rows
        row = record("Row", predictor.columns)
        self._decoder = _decoder({"rows": list[row]})  # type: ignore[valid-type]

    def decode(self, body: bytes) -> Rows:
        """The request's tensors. Raises `RequestError` for what is no JSON or too much, `DataError` with the place."""
        try:
            rows: list[Any] = astuple(self._decoder.decode(body))[0]
            if 0 < len(rows) <= self._max_rows:
                feeds = self._predictor.packing.pack(list(map(astuple, rows)), (len(rows),))
                return Rows(feeds=feeds, count=len(rows))
        except _UNFIT as error:
            return self._decode_slowly(body, error)
        except RecursionError as error:
            raise malformed(error) from error
        return self._decode_slowly(body, None)

    def _decode_slowly(self, body: bytes, reason: Exception | None) -> Rows:
        document = plain_document(body, reason)
        check_document(document, "rows")
        rows = objects(document["rows"], "rows")
        if len(rows) > self._max_rows:
            raise too_many_rows(len(rows), self._max_rows)
        feeds = self._predictor.pack_rows(rows, read=read_json) if rows else {}
        return Rows(feeds=feeds, count=len(rows))


class SeriesCodec:
    """Decodes `{"series": [{"history": […], "future": […], "static": {…}}]}` for one forecaster."""

    def __init__(self, packer: SeriesPacker, *, max_rows: int) -> None:
        self._packer = packer
        self._max_rows = max_rows
        fields: dict[str, Any] = {"history": list[record("Step", packer.history)]}  # type: ignore[misc]
        if packer.future:
            fields["future"] = list[record("Known", packer.future)]  # type: ignore[misc]
        if packer.static:
            fields["static"] = record("Static", packer.static)
        series = _struct("Series", fields)
        self._decoder = _decoder({"series": list[series]})  # type: ignore[valid-type]
        self._time_from = next(
            (at for at, column in enumerate(packer.history) if column.kind == "time"), len(packer.history)
        )

    def decode(self, body: bytes) -> list[Window]:
        """The request's windows. Raises `RequestError` for what is no JSON or too much, `DataError` with the place."""
        try:
            series: list[Any] = astuple(self._decoder.decode(body))[0]
            if sum(len(one.f0) for one in series) <= self._max_rows:
                return [self._window(one, f"series[{position}]") for position, one in enumerate(series)]
        except _UNFIT as error:
            return self._decode_slowly(body, error)
        except RecursionError as error:
            raise malformed(error) from error
        return self._decode_slowly(body, None)

    def _window(self, series: Any, where: str) -> Window:
        parts = astuple(series)
        cut = self._time_from
        clocks = self._packer.history[cut:]
        history: list[tuple[object, ...]] = list(map(astuple, parts[0]))
        if clocks:
            history = [
                (*row[:cut], *(read_json(clock, value) for clock, value in zip(clocks, row[cut:], strict=True)))
                for row in history
            ]
        future = [astuple(row) for row in parts[1]] if self._packer.future else []
        static = astuple(parts[-1]) if self._packer.static else ()
        return self._packer.window(history, future, static, given_stamps=None, keys={}, where=where)

    def _decode_slowly(self, body: bytes, reason: Exception | None) -> list[Window]:
        document = plain_document(body, reason)
        check_document(document, "series")
        series = objects(document["series"], "series")
        histories = [one.get("history") for one in series]
        total = sum(len(history) for history in histories if isinstance(history, list))
        if total > self._max_rows:
            raise too_many_rows(total, self._max_rows)
        return [self._packer.read(one, read_json, f"series[{position}]") for position, one in enumerate(series)]


def record(name: str, columns: Sequence[Column]) -> Any:
    """A record type whose fields are the columns: all required, nothing else allowed."""
    return _struct(name, {column.name: _TYPES[column.kind] for column in columns})


def _struct(name: str, fields: dict[str, Any]) -> Any:
    """A struct with these field names, which need not be identifiers."""
    short = {f"f{position}": field for position, field in enumerate(fields)}
    return msgspec.defstruct(
        name,
        [(alias, fields[field]) for alias, field in short.items()],
        rename=short,
        forbid_unknown_fields=True,
        gc=False,
    )


def _decoder(fields: dict[str, Any]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(_struct("Request", fields))


def plain_document(body: bytes, reason: Exception | None = None) -> Any:
    """The body as plain objects. Raises `RequestError` where it is no JSON, `DataError` for a number out of range.

    `reason` is what a typed decoder said before; it knows the place of a number that is too large.
    """
    try:
        return msgspec.json.decode(body)
    except msgspec.ValidationError as error:
        found = _PLACE.search(str(reason))
        place = found[1] if found else "body"
        message = expected("a number that a float64 can hold", got="a larger one", where=place)
        raise refusal("out_of_range", message, place) from error
    except _NOT_JSON as error:
        raise malformed(error) from error


def check_document(document: object, wanted: str) -> None:
    """The outermost object has exactly this member."""
    if not isinstance(document, Mapping):
        what = f'an object like {{"{wanted}": [{{…}}]}}'
        raise refusal("wrong_type", expected(what, got=shown(document), where="body"), "body")
    for name in document:
        if name != wanted:
            message = expected(f"the member {wanted!r} only", got=f"member {shown(name)}", where="body")
            raise refusal("unknown_member", message, "body")
    if wanted not in document:
        raise refusal("missing_member", expected(f"the member {wanted!r}", got="none", where="body"), "body")


def objects(value: object, where: str) -> list[Mapping[str, object]]:
    """The value as a list of objects. Raises `DataError` with the place."""
    if not isinstance(value, list):
        raise refusal("wrong_type", expected("a list of objects", got=shown(value), where=where), where)
    for position, item in enumerate(value):
        if not isinstance(item, Mapping):
            place = f"{where}[{position}]"
            raise refusal("wrong_type", expected("an object", got=shown(item), where=place), place)
    return value
