"""What every reader gives: a model of another library behind one face."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from textwrap import shorten
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ambidex.errors import DataError, expected

Array = npt.NDArray[Any]
Columns = Mapping[str, Array]
"""Values by column, each (B,): float64 with NaN for missing, or objects of type `str` with '' for missing."""
Kinds = Mapping[str, Literal["number", "text"]]
Precision = Literal["float64", "float32"]
PRECISIONS: tuple[Precision, ...] = ("float64", "float32")
"""In the order in which conversions are tried: not every operator has a float64 form."""


@dataclass(frozen=True, kw_only=True)
class Answers:
    """`values` (B,) are labels or numbers; `probabilities` (B, K) float64 where there are classes."""

    values: Array
    probabilities: Array | None = None


@dataclass(frozen=True, kw_only=True)
class Foreign:
    """A model as read.

    `origin` names library, version and class; `columns` what it takes, in order; `classes` its labels (empty: a
    number). `answer` asks the original and raises `DataError` where it refuses the values. `convert` gives an ONNX
    model (a protobuf) whose outputs are label and probabilities, or the value, and whose inputs are either one matrix
    of all columns or one (B, 1) or (B,) each under its name; it raises `ModelRefusedError` where there is no way, as
    `PrecisionRefusedError` where there is one in another precision.
    """

    origin: str
    columns: tuple[str, ...]
    classes: tuple[str | int, ...]
    answer: Callable[[Columns], Answers]
    convert: Callable[[Kinds, Precision], Any]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a file may not know of itself: the labels of its probabilities, and the names of its columns (or none)."""

    classes: tuple[str | int, ...] = ()
    columns: tuple[str, ...] = ()


class ModelRefusedError(DataError):
    """A model that cannot become ONNX, or not rightly, with the reason."""

    code = "model_refused"


class PrecisionRefusedError(ModelRefusedError):
    """A precision in which there is no conversion of such a model, whereas there is one in another."""


def first_line(error: Exception) -> str:
    """What an error of others says, in one line of at most 160 characters."""
    lines = str(error).strip().splitlines()
    return shorten(lines[0], 160, placeholder=" …").rstrip(".") if lines else type(error).__name__


def plain_classes(classes: Any) -> tuple[str | int, ...]:
    """Labels as an artifact holds them: texts, or whole numbers. Raises `ModelRefusedError` for anything else."""
    labels = np.asarray(classes)
    if labels.ndim != 1:
        raise ModelRefusedError(expected("one classified target", got=f"labels of shape {labels.shape}"))
    if labels.dtype.kind in "iu" or (labels.dtype.kind == "f" and (labels == np.round(labels)).all()):
        return tuple(int(label) for label in labels)
    if labels.dtype.kind in "UO" and all(isinstance(label, str) for label in labels.tolist()):
        return tuple(str(label) for label in labels)
    raise ModelRefusedError(expected("labels that are texts or whole numbers", got=f"labels of type {labels.dtype}"))


def matrix(columns: Columns, names: tuple[str, ...]) -> npt.NDArray[np.float64]:
    """The columns beside each other, (B, F). Raises `ModelRefusedError` for a column of texts."""
    for name in names:
        if columns[name].dtype == object:
            fix = "Only pipelines that encode texts by column can take them."
            raise ModelRefusedError(expected(f"numbers in column {name!r}", got="texts", fix=fix))
    return np.stack([columns[name] for name in names], axis=1)


def numbered(count: int) -> tuple[str, ...]:
    """Names for columns that have none: x0, x1 and so on."""
    return tuple(f"x{position}" for position in range(count))


def column_names(shapes: Mapping[str, Sequence[int | None] | None], given: tuple[str, ...]) -> tuple[str, ...]:
    """The columns of a model with these inputs, whose shapes are without the batch (None: any).

    Either one matrix, whose columns are `given` by the rows where their number fits, or an input for each.
    """
    if len(shapes) == 1:
        ((name, shape),) = shapes.items()
        width = None if shape is None else shape[0] if shape else 1
        if shape is None or (len(shape) == 1 and width != 1):
            return _matrix_names(name, None if width in (None, -1) else width, given)
    for name, shape in shapes.items():
        if shape is None or len(shape) > 1 or (shape and shape[0] != 1):
            shown = "any shape" if shape is None else f"{len(shape) + 1} dimensions, {shape} a row"
            raise ModelRefusedError(
                expected("inputs that are columns or one matrix of them", got=f"{name!r} of {shown}")
            )
    return tuple(shapes)


def _matrix_names(name: str, width: int | None, given: tuple[str, ...]) -> tuple[str, ...]:
    if width is None and not given:
        fix = "Give rows: --data, with no other columns than the model's and the target."
        raise ModelRefusedError(expected("a known number of columns", got="a free one", where=name, fix=fix))
    return given if width in (None, len(given)) else numbered(int(width or 0))
