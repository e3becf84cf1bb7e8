"""Before a model goes live it answers the rows of its certificate, and has to answer them as it did back then."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from itertools import chain
from math import isnan, nan
from typing import TYPE_CHECKING, Any

from ambidex.artifact.certificate import decode_certificate
from ambidex.errors import AmbidexError, ArtifactError, expected
from ambidex.runtime.rows import interleaved
from ambidex.schema import MISSING_TIME, Layout, Tensor

if TYPE_CHECKING:
    from ambidex.runtime.predictor import Predictor

TOLERANCE = 1e-4
"""How far a number may be from the certified one, relative to the largest of that output: float32 sums in another order
differ by a hundredth of it, another model by more."""
LABELS = 0.9
"""The share of labels that must be equal: a row on the border may fall either way on another processor."""
_PLACE = "certificate.json"


def rehearse(predictor: Predictor, certificate: bytes) -> int:
    """Runs the certified rows and compares; the number of rows, 0 where the certificate has none.

    Raises `ArtifactError` if the rows do not fit the model or the answers are others.
    """
    recorded = decode_certificate(certificate)
    count = max((len(values) for values in recorded.rows.values()), default=0)
    if not count:
        return 0
    try:
        feeds = {layout.name: _packed(layout, recorded.rows) for layout in predictor.layouts}
        outputs = predictor.predict_packed(feeds)
    except (KeyError, TypeError, ValueError, IndexError, OverflowError, AmbidexError) as error:
        what = error.message if isinstance(error, AmbidexError) else f"{type(error).__name__}: {error}"
        raise ArtifactError(expected("rows that the model answers", got=what, where=_PLACE)) from error
    for name, written in recorded.outputs.items():
        if name in outputs and not _agrees(outputs[name], _flat(written)):
            message = expected(f"the certified answers for {name!r}", got="others", where="model.onnx")
            raise ArtifactError(message)
    return count


def _packed(layout: Layout, rows: Mapping[str, Sequence[Any]]) -> Tensor:
    """The rows' columns as the layout wants them: `[rows, columns]`, for series `[rows, steps, columns]`."""
    columns: list[Sequence[Any]] = [rows[column.name] for column in layout.columns]
    shape: tuple[int, ...] = (len(columns[0]), len(columns))
    if layout.span in ("history", "future"):
        shape = (shape[0], len(columns[0][0]), shape[1])
        columns = [list(chain.from_iterable(steps)) for steps in columns]
    typed = [_TYPED[layout.dtype](values) for values in columns]
    return Tensor(dtype=layout.dtype, shape=shape, data=interleaved(typed, is_text=layout.dtype == "string"))  # type: ignore[arg-type]


_TYPED: dict[str, Any] = {
    "float64": lambda values: array("d", [nan if value is None else value for value in values]),
    "string": lambda values: ["" if value is None else value for value in values],
    "int64": lambda values: array("q", [MISSING_TIME if value is None else value for value in values]),
}


def _flat(written: object) -> list[Any]:
    """The leaves of nested lists."""
    return [leaf for part in written for leaf in _flat(part)] if isinstance(written, list) else [written]


def _agrees(tensor: Tensor, written: list[Any]) -> bool:
    given: list[Any] = list(tensor.data)
    if len(given) != len(written):
        return False
    if tensor.dtype in ("string", "int64", "bool"):
        equal: int = sum(one == other for one, other in zip(given, written, strict=True))
        return equal >= LABELS * len(given)
    wanted = [nan if value is None else value for value in written]
    allowed = TOLERANCE * max((abs(value) for value in wanted if not isnan(value)), default=0.0) + 1e-12
    return all(
        abs(one - other) <= allowed or (isnan(one) and isnan(other)) for one, other in zip(given, wanted, strict=True)
    )
