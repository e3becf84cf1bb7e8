"""A loaded model behind its schema: typed rows in, plain answers out. What the server and `predict` share."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import prod
from typing import Any

from ambidex.errors import ArtifactError, DataError, TrainingError, expected
from ambidex.runtime.answers import output_names, row_answers, series_answer
from ambidex.runtime.rows import Packing, Reader, check_names, read_row
from ambidex.runtime.series import SeriesPacker, Window
from ambidex.runtime.session import Session
from ambidex.schema import Schema, Tensor, packed_layout, parse_value

TAKEN_SUFFIX = "_predicted"
"""What the exporter appends to an output whose name an input already has."""
Note = Callable[[list[int], dict[str, Tensor], dict[str, Tensor]], None]
"""Receives which windows ran together, their tensors and the outputs."""
Observe = Callable[[Mapping[str, Tensor], Mapping[str, Tensor]], None]
"""Receives the tensors and the outputs of every run, in the thread that ran it."""
_CODES = {"float64": "d", "int64": "q"}


class Predictor:
    """A session and the schema it serves.

    `layouts` are the graph's packed inputs, `columns` the columns of a row (for series: of a step of the history) in
    the order in which they are packed. `observe` is told of every run.
    """

    def __init__(self, schema: Schema, session: Session) -> None:
        self.schema = schema
        self.session = session
        self.layouts = packed_layout(schema)
        self.outputs = output_names(schema.task)
        self._written: dict[str, str] = {}
        self.packing = Packing([layout for layout in self.layouts if layout.span in ("row", "history")])
        self.columns = self.packing.columns
        self.series = SeriesPacker(schema) if schema.task.kind == "forecast" else None
        self.observe: Observe | None = None
        self._check_graph()

    def _check_graph(self) -> None:
        """Refuses a graph that does not take and give what the schema says."""
        given = {signature.name: signature.dtype for signature in self.session.inputs}
        wanted = {layout.name: layout.dtype for layout in self.layouts}
        if given != wanted:
            raise ArtifactError(expected(f"a model with inputs {wanted}", got=str(given), where="model.onnx"))
        present = {signature.name for signature in self.session.outputs}
        for name in self.outputs:
            # An input may have the target's name, such as "numbers"; then the exporter gave the output another one.
            self._written[name] = name if name in present else f"{name}{TAKEN_SUFFIX}"
            if self._written[name] not in present:
                raise ArtifactError(expected(f"a model with output {name!r}", got=sorted(present), where="model.onnx"))
        self._is_renamed = any(name != written for name, written in self._written.items())

    def warm_up(self) -> None:
        """Runs once on one row of nothing, so that the first request does not pay for it. Raises `ArtifactError`."""
        steps = {"history": max(self.schema.task.min_history, 1), "future": self.schema.task.horizon}
        feeds = {}
        for layout in self.layouts:
            shape = (1, *((steps[layout.span],) if layout.span in steps else ()), len(layout.columns))
            count = prod(shape)
            data: Any = [""] * count if layout.dtype == "string" else array(_CODES[layout.dtype], bytes(8 * count))
            feeds[layout.name] = Tensor(dtype=layout.dtype, shape=shape, data=data)  # type: ignore[arg-type]
        try:
            self.predict_packed(feeds)
        except (DataError, TrainingError) as error:
            message = expected("a model that answers a row of zeros", got=error.message, where="model.onnx")
            raise ArtifactError(message) from error

    def predict_packed(self, feeds: Mapping[str, Tensor], *, wanted: Sequence[str] | None = None) -> dict[str, Tensor]:
        """The task's outputs, or those wanted, for packed tensors. Raises `DataError` where they do not fit."""
        names = self.outputs if wanted is None else wanted
        if self._is_renamed:
            written = self.session.run(feeds, [self._written[name] for name in names])
            outputs = {name: written[self._written[name]] for name in names}
        else:
            outputs = self.session.run(feeds, names)
        if self.observe is not None:
            self.observe(feeds, outputs)
        return outputs

    def pack_rows(self, rows: Sequence[Mapping[str, object]], *, read: Reader = parse_value) -> dict[str, Tensor]:
        """The packed tensors of a table's rows. Raises `DataError` with the place, such as `rows[3].age`."""
        names = dict.fromkeys(column.name for column in self.columns)
        typed = []
        for position, row in enumerate(rows):
            where = f"rows[{position}]"
            check_names(row, names, where)
            typed.append(read_row(self.columns, row, read, where))
        return self.packing.pack(typed, (len(typed),))

    def predict_rows(self, rows: Iterable[Mapping[str, object]]) -> list[dict[str, object]]:
        """One answer per row of a table: `{"income": ">50K", "probabilities": {…}}`."""
        given = list(rows)
        if not given:
            return []
        return row_answers(self.schema.task, self.predict_packed(self.pack_rows(given)), 0, len(given))

    def predict_windows(self, windows: Sequence[Window], *, note: Note | None = None) -> list[dict[str, object]]:
        """One forecast per window, in the order given; windows of one length run together, and `note` is told."""
        assert self.series is not None
        answers: list[dict[str, object]] = [{}] * len(windows)
        for positions, feeds in self.series.groups(windows):
            outputs = self.predict_packed(feeds)
            if note is not None:
                note(positions, feeds, outputs)
            for at, position in enumerate(positions):
                window = windows[position]
                answers[position] = {**window.keys, **series_answer(self.schema.task, outputs, at, window.stamps)}
        return answers
