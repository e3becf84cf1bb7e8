"""Labels in the type they came in: what the artifact answers, and what the user called it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ambidex.data.table import Values
from ambidex.errors import DataError, expected
from ambidex.schema import Column
from ambidex.schema.parse import parse_text


def are_texts(values: Values) -> bool:
    """Whether any label is a text: texts stay texts, also where they look like numbers."""
    return not isinstance(values, np.ndarray) and any(isinstance(value, str) for value in values)


def distinct_labels(values: Values) -> list[Any]:
    """The different labels in no particular order, missing ones left out.

    Raises `DataError` for numbers that are no classes.
    """
    if not isinstance(values, np.ndarray):
        return list({value: None for value in values if value is not None})
    present = values[~np.isnan(values)] if values.dtype.kind == "f" else values
    if present.dtype.kind == "f" and not np.all(present == np.round(present)):
        got = f"{float(present[present != np.round(present)][0])} (Unknown label type: continuous)"
        raise DataError(expected("classes as the target", got=got, fix="Use TabularRegressor for numbers."), where="y")
    distinct: list[Any] = np.unique(present).tolist()
    return distinct


def original_classes(values: Values, given: Any, classes: Sequence[str | int]) -> npt.NDArray[Any]:
    """The artifact's classes, in their order, as the labels that the user gave, in their type."""
    column = Column(name="target", kind="text")
    is_text = isinstance(classes[0], str)
    original: dict[str | int, Any] = {}
    for label in distinct_labels(values):
        original.setdefault(parse_text(column, label) if is_text else int(label), label)
    labels = [original[code] for code in classes]
    if isinstance(values, np.ndarray):
        return np.array(labels, dtype=values.dtype)
    kinds = set(map(type, labels))
    if kinds <= {bool} or kinds <= {int} or (isinstance(given, np.ndarray) and given.dtype.kind == "U"):
        return np.array(labels)
    found = np.empty(len(labels), dtype=object)
    found[:] = labels
    return found


def positions(labels: npt.NDArray[Any], classes: Sequence[str | int]) -> npt.NDArray[np.int64]:
    """The position of each answered label among the artifact's classes."""
    position_of = {label: position for position, label in enumerate(classes)}
    return np.array([position_of[label] for label in labels.tolist()], dtype=np.int64)
