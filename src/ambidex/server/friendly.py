"""The friendly protocol: `POST /models/{name}/predict` with rows or series, `GET /models` with what is served."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from ambidex.runtime.answers import series_answer
from ambidex.runtime.repository import Model, Served
from ambidex.server.drift_watch import show as show_drift
from ambidex.server.foreign.model import ForeignModel
from ambidex.server.json_answers import Predictions
from ambidex.server.json_codec import RowsCodec, SeriesCodec
from ambidex.server.plane import LARGE_BODY

if TYPE_CHECKING:
    from ambidex.runtime.series import Window
    from ambidex.schema import Column, Tensor
    from ambidex.server.exchange import Exchange
    from ambidex.server.router import Route
    from ambidex.server.service import Service

encode = msgspec.json.Encoder().encode


def predict(service: Service, exchange: Exchange, names: dict[str, str]) -> None:
    """Rows or series in, predictions or forecasts out."""
    model = service.model(names)
    exchange.model = model.name
    if len(exchange.body) > LARGE_BODY:
        _predict_aside(service, exchange, model)
    elif model.predictor.series is None:
        _predict_rows(service, exchange, model)
    else:
        _predict_series(service, exchange, model)


def _predict_rows(service: Service, exchange: Exchange, model: Model) -> None:
    decoded = rows_codec(service, model).decode(exchange.body)
    if not decoded.count:
        exchange.reply(b'{"predictions":[]}')
        return
    predictions = predictions_of(model)

    def finish(outputs: dict[str, Tensor], start: int) -> None:
        exchange.reply(predictions.encode(outputs, start, start + decoded.count))
        service.record(exchange, model, decoded.feeds, (outputs, start, range(decoded.count)))

    def fail(error: Exception) -> None:
        service.engine.fail(exchange, error)

    service.plane.run(model, decoded.feeds, decoded.count, finish, fail)


def _predict_series(service: Service, exchange: Exchange, model: Model) -> None:
    windows = series_codec(service, model).decode(exchange.body)
    if len(windows) != 1:
        _run_aside(service, exchange, model, windows)
        return
    window = windows[0]
    packer = model.predictor.series
    assert packer is not None
    ((_, feeds),) = packer.groups(windows)

    def finish(outputs: dict[str, Tensor], start: int) -> None:
        answer = {**window.keys, **series_answer(model.schema.task, outputs, start, window.stamps)}
        exchange.reply(encode({"forecasts": [answer]}))
        service.record(exchange, model, feeds, (outputs, start, range(1)))

    def fail(error: Exception) -> None:
        service.engine.fail(exchange, error)

    service.plane.run(model, feeds, 1, finish, fail)


def _run_aside(service: Service, exchange: Exchange, model: Model, windows: list[Window]) -> None:
    """Several series may have several lengths, so several runs."""
    service.metrics.rows.add((model.name,), len(windows))
    service.plane.aside(
        lambda: _forecasts(service, exchange, model, windows),
        exchange.reply,
        lambda error: service.engine.fail(exchange, error),
    )


def _forecasts(service: Service, exchange: Exchange, model: Model, windows: list[Window]) -> bytes:
    """The document for several series."""

    def note(positions: list[int], feeds: dict[str, Tensor], outputs: dict[str, Tensor]) -> None:
        service.record(exchange, model, feeds, (outputs, 0, positions))

    return encode({"forecasts": model.predictor.predict_windows(windows, note=note)})


def _predict_aside(service: Service, exchange: Exchange, model: Model) -> None:
    """A large body: decoding, run and encoding in one thread."""

    def work() -> tuple[bytes, int]:
        predictor = model.predictor
        if predictor.series is not None:
            windows = series_codec(service, model).decode(exchange.body)
            return _forecasts(service, exchange, model, windows), len(windows)
        decoded = rows_codec(service, model).decode(exchange.body)
        if not decoded.count:
            return b'{"predictions":[]}', 0
        outputs = predictor.predict_packed(decoded.feeds)
        service.record(exchange, model, decoded.feeds, (outputs, 0, range(decoded.count)))
        return predictions_of(model).encode(outputs, 0, decoded.count), decoded.count

    def finish(result: tuple[bytes, int]) -> None:
        body, rows = result
        service.metrics.rows.add((model.name,), rows)
        exchange.reply(body)

    service.plane.aside(work, finish, lambda error: service.engine.fail(exchange, error))


def rows_codec(service: Service, model: Model) -> RowsCodec:
    """The model's decoder, made once."""
    codec: RowsCodec | None = model.derived.get("rows")
    if codec is None:
        codec = model.derived["rows"] = RowsCodec(model.predictor, max_rows=service.limits.rows)
    return codec


def predictions_of(model: Model) -> Predictions:
    """The model's writer of answers, made once."""
    writer: Predictions | None = model.derived.get("predictions")
    if writer is None:
        writer = model.derived["predictions"] = Predictions(model.schema.task)
    return writer


def series_codec(service: Service, model: Model) -> SeriesCodec:
    """The forecaster's decoder, made once."""
    codec: SeriesCodec | None = model.derived.get("series")
    if codec is None:
        assert model.predictor.series is not None
        codec = model.derived["series"] = SeriesCodec(model.predictor.series, max_rows=service.limits.rows)
    return codec


def list_models(service: Service, exchange: Exchange, names: dict[str, str]) -> None:
    """Every model with its task, default version and all versions; and what could not be loaded."""
    del names
    repository = service.repository
    models = [_summary(service, repository.get(name)) for name in repository.names()]
    failures = [{"path": path, "error": text} for path, text in sorted(repository.failures.items())]
    exchange.reply(encode({"models": models, "failures": failures}))


def _summary(service: Service, model: Served) -> dict[str, Any]:
    known = {"versions": [other.version for other in service.repository.versions(model.name)]}
    if isinstance(model, ForeignModel):
        from ambidex.server.foreign.friendly import summary

        return summary(model) | known
    assert isinstance(model, Model)
    task = model.schema.task
    return {
        "name": model.name,
        "version": model.version,
        **known,
        "task": task.kind,
        "targets": [target.name for target in task.targets],
        "predict": predict_path(model.name),
    }


def predict_path(name: str) -> str:
    """The path that answers for a model, as it stands in a request: whatever means something else is encoded."""
    from urllib.parse import quote

    return f"/models/{quote(name, safe='')}/predict"


def describe(service: Service, exchange: Exchange, names: dict[str, str]) -> None:
    """One model: its schema, its signature, its card, its certificate, and a request that works."""
    model = service.model(names)
    exchange.model = model.name
    description = _summary(service, model) | {
        "schema": model.schema,
        "example": example(model),
        "card": model.card,
        "certificate": msgspec.Raw(model.certificate),
    }
    exchange.reply(encode(description))


def example(model: Model) -> dict[str, Any]:
    """A request body that the model answers, from the columns' own examples."""
    predictor = model.predictor
    if predictor.series is None:
        return {"rows": [{column.name: example_value(column) for column in predictor.columns}]}
    from ambidex.server.example import example_series

    recorded = msgspec.json.decode(model.certificate).get("rows", {})
    return {"series": [example_series(predictor.series, recorded)]}


def example_value(column: Column) -> str | float | int | bool | None:
    """What the column looked like in training, or null."""
    if column.kind == "text":
        return column.levels[0] if column.levels else column.example if isinstance(column.example, str) else ""
    if column.kind == "flag":
        return bool(column.example)
    if column.kind == "number":
        is_number = isinstance(column.example, (int, float)) and not isinstance(column.example, bool)
        return column.example if is_number else column.minimum
    return column.example if isinstance(column.example, str) else None


ROUTES: tuple[Route, ...] = (
    ("POST", "/models/{model}/predict", predict),
    ("POST", "/models/{model}/versions/{version}/predict", predict),
    ("GET", "/models", list_models),
    ("GET", "/models/{model}", describe),
    ("GET", "/models/{model}/versions/{version}", describe),
    ("GET", "/models/{model}/drift", show_drift),
    ("GET", "/models/{model}/versions/{version}/drift", show_drift),
)
