"""Rows as scikit-learn's users bring them: frames with names, arrays without, lists of lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ambidex.data.frames import frame_library, table_from, values_of
from ambidex.data.table import Table, Values
from ambidex.errors import DataError, expected

TARGET, WEIGHT = "target", "sample_weight"
"""Names for a target and for weights that came without one."""


def has_names(rows: Any) -> bool:
    """Whether the columns of these rows have names of their own."""
    if isinstance(rows, (Table, Mapping)) or frame_library(rows):
        return True
    if isinstance(rows, np.ndarray):
        return rows.dtype.names is not None
    return isinstance(rows, (list, tuple)) and bool(rows) and isinstance(rows[0], Mapping)


def read_rows(rows: Any, *, names: Sequence[str] = (), owner: str = "") -> Table:
    """The rows as a table; columns of an array are called by `names`, else `x0`, `x1` and so on.

    Raises `DataError` for anything that is not rows and columns, or an array that has not as many as `names`.
    """
    if has_names(rows):
        return _not_empty(table_from(rows))
    array = _array(rows)
    count = array.shape[1]
    if names and count not in (0, len(names)):
        got = f"{count}: X has {count} features, but {owner} is expecting {len(names)} features as input"
        raise DataError(expected(f"{len(names)} columns", got=got))
    called = names if names and count else [f"x{position}" for position in range(count)]
    columns = {name: values_of(array[:, position], name) for position, name in enumerate(called)}
    return _not_empty(Table(columns, num_rows=len(array)))


def _array(rows: Any) -> np.ndarray:
    if hasattr(rows, "tocsr"):
        fix = "Convert it with toarray()."
        raise DataError(expected("rows and columns, each value given", got="a sparse matrix", fix=fix))
    try:
        array = np.asarray(rows)
        array = np.asarray(rows, dtype=object) if array.dtype.kind in "US" else array
    except ValueError as error:
        raise DataError(expected("rows of one length", got=str(error))) from None
    if np.iscomplexobj(array):
        raise DataError(expected("real numbers", got="complex ones: Complex data not supported"))
    if array.ndim != 2:
        fix = "Reshape your data: reshape(-1, 1) makes one column of it, reshape(1, -1) one row."
        raise DataError(expected("an array of rows and columns", got=f"one of shape {array.shape}", fix=fix))
    return array


def _not_empty(table: Table) -> Table:
    for size, noun in ((table.num_rows, "sample"), (len(table.names), "feature")):
        if size == 0:
            shape = (table.num_rows, len(table.names))
            got = f"0 {noun}(s) (shape={shape}) while a minimum of 1 is required"
            raise DataError(expected(f"at least 1 {noun}", got=got))
    return table


def split_target(table: Table, y: Any, owner: str) -> tuple[Table, dict[str, Values]]:
    """The features, and the target columns by name: `y` names columns of the table, or holds the values.

    Several targets are a list of names, a frame, or an array of columns. Raises `DataError` where there is none, or
    where the features hold it too.
    """
    names = _names_in(table, y)
    if names:
        return table.drop(names), {name: table.column(name) for name in names}
    targets = _targets(y, owner)
    for name in [name for name in targets if name in table]:
        fix = "Leave it out, or give its name in place of its values."
        raise DataError(expected(f"features without the target {name!r}", got="it among them", fix=fix), where=name)
    for values in targets.values():
        if len(values) != table.num_rows:
            raise DataError(expected(f"a target for each of {table.num_rows} rows", got=len(values)), where="y")
    return table, targets


def _names_in(table: Table, y: Any) -> list[str]:
    if isinstance(y, str):
        return [y]
    if isinstance(y, (list, tuple)) and y and all(isinstance(name, str) for name in y) and len(y) != table.num_rows:
        return list(y)
    return []


def _targets(y: Any, owner: str) -> dict[str, Values]:
    if y is None:
        got = f"None: {owner} requires y to be passed, but the target y is None"
        raise DataError(expected("a target", got=got, fix="Give the name of its column, or its values."), where="y")
    if frame_library(y):
        return table_from(y).columns()
    name = getattr(y, "name", None)
    name = name if isinstance(name, str) and name else TARGET
    array = y if isinstance(y, np.ndarray) else np.asarray(y) if not hasattr(y, "dtype") else None
    if array is None or (array.ndim == 1 and isinstance(y, np.ndarray)):
        return {name: values_of(y, name)}
    if array.ndim == 1:
        return {name: values_of(y if isinstance(y, (list, tuple)) else array, name)}
    if array.ndim != 2 or array.shape[1] == 0:
        got = f"an array of shape {array.shape}"
        raise DataError(expected("one value per row, or one column per target, as y", got=got), where="y")
    if array.shape[1] == 1:
        return {name: values_of(array[:, 0], name)}
    called = [f"{TARGET}_{position}" for position in range(array.shape[1])]
    return {called[position]: values_of(array[:, position], called[position]) for position in range(array.shape[1])}


def split_weight(table: Table, weight: Any) -> tuple[Table, Any]:
    """The table without the column of weights, and the weights: `weight` names a column, or holds the values."""
    if weight is None:
        return table, None
    if isinstance(weight, str):
        return table.drop([weight]), table.column(weight)
    array = np.asarray(weight)
    if array.shape != (table.num_rows,):
        got = f"an array of shape {array.shape}"
        raise DataError(expected(f"one weight for each of {table.num_rows} rows", got=got), where=WEIGHT)
    return table, array


def free_name(name: str, taken: Sequence[str]) -> str:
    """The name, or the first with a number behind it that is not taken."""
    candidates = (name, *(f"{name}_{number}" for number in range(1, len(taken) + 2)))
    return next(candidate for candidate in candidates if candidate not in taken)


def joined(table: Table, columns: Mapping[str, Values]) -> Table:
    """The table with more columns."""
    return Table({**table.columns(), **columns}, categories=table.categories)
