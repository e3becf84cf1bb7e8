"""Tables from frames of other libraries, and results in the same kind. Nothing is imported to recognise one."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np

from ambidex.data.read_json import columns_of_rows
from ambidex.data.table import Table, Values
from ambidex.errors import BackendError, DataError, expected

KINDS = "a pandas, polars or pyarrow frame, a NumPy array, a dict of columns, or a list of dicts"


def table_from(frame: Any, *, source: str = "") -> Table:
    """The frame's columns: numbers and booleans as arrays, times as `datetime64[us]` in UTC, the rest as lists.

    Missing is NaN, NaT or None. A named index of a pandas frame becomes a column. Raises `DataError` for anything
    that is no table.
    """
    if isinstance(frame, Table):
        return frame
    library = frame_library(frame)
    if library == "pandas":
        columns, categories = _from_pandas(frame)
    elif library == "polars":
        columns, categories = _from_polars(frame.collect() if hasattr(frame, "collect") else frame)
    elif library == "pyarrow":
        columns, categories = _from_arrow(frame)
    else:
        columns, categories = _from_python(frame), []
    return Table(columns, source=source, categories=categories, num_rows=None if columns else 0)


def frame_library(frame: Any) -> str:
    """`pandas`, `polars` or `pyarrow` where the frame is theirs, else an empty string."""
    for library, classes in (
        ("pandas", ("DataFrame",)),
        ("polars", ("DataFrame", "LazyFrame")),
        ("pyarrow", ("Table", "RecordBatch")),
    ):
        module = sys.modules.get(library)
        if module is not None and any(isinstance(frame, getattr(module, name, ())) for name in classes):
            return library
    return ""


def _unique_names(names: Sequence[Any]) -> list[str]:
    texts = [str(name) for name in names]
    twice = sorted({name for name in texts if texts.count(name) > 1})
    if twice:
        fix = "Rename one of them."
        raise DataError(expected("different column names", got=f"{twice[0]!r} twice", fix=fix), where=twice[0])
    return texts


def _from_pandas(frame: Any) -> tuple[dict[str, Values], list[str]]:
    if frame.index.nlevels > 1 or (frame.index.name is not None and frame.index.name not in frame.columns):
        kept = [name for name in frame.index.names if name is not None and name not in frame.columns]
        frame = frame.reset_index(level=kept) if kept else frame
    names = _unique_names(frame.columns)
    columns = {name: _pandas_values(frame.iloc[:, position]) for position, name in enumerate(names)}
    return columns, [name for name, dtype in zip(names, frame.dtypes, strict=True) if dtype.name == "category"]


def _pandas_values(series: Any) -> Values:
    dtype = series.dtype
    if dtype.name == "category":
        return clean_objects(series.astype(object).tolist())
    if dtype.kind == "M":
        series = series.dt.tz_convert("UTC").dt.tz_localize(None) if getattr(dtype, "tz", None) is not None else series
        return series.to_numpy(dtype="datetime64[us]")
    if dtype.kind in "iufb":
        if isinstance(dtype, np.dtype):
            return series.to_numpy()
        if not series.isna().any():
            return series.to_numpy(dtype={"b": "bool", "f": "float64", "i": "int64", "u": "uint64"}[dtype.kind])
        numbers = series.astype("Float64") if dtype.kind == "b" else series
        return numbers.to_numpy(dtype="float64", na_value=np.nan)
    return clean_objects(series.astype(object).tolist())


def _from_polars(frame: Any) -> tuple[dict[str, Values], list[str]]:
    polars = sys.modules["polars"]
    columns: dict[str, Values] = {}
    categories = []
    for series in frame.get_columns():
        dtype = series.dtype
        if dtype.is_numeric():
            columns[series.name] = _polars_numbers(polars, series)
        elif dtype in (polars.Datetime, polars.Date):
            zoned = bool(getattr(dtype, "time_zone", None))
            stamps = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None) if zoned else series
            columns[series.name] = stamps.cast(polars.Datetime("us")).to_numpy().astype("datetime64[us]")
        elif dtype == polars.Boolean and series.null_count() == 0:
            columns[series.name] = series.to_numpy()
        else:
            columns[series.name] = clean_objects(series.to_list())
        if dtype in (polars.Categorical, polars.Enum):
            categories.append(series.name)
    return columns, categories


def _polars_numbers(polars: Any, series: Any) -> Values:
    if series.dtype.is_decimal() or series.null_count():
        series = series.cast(polars.Float64)
    return series.to_numpy()


def _from_arrow(frame: Any) -> tuple[dict[str, Values], list[str]]:
    pyarrow = sys.modules["pyarrow"]
    types = pyarrow.types
    names = _unique_names(frame.schema.names)
    columns: dict[str, Values] = {}
    categories = []
    for position, name in enumerate(names):
        column = frame.column(position)
        if types.is_dictionary(column.type):
            categories.append(name)
        columns[name] = _arrow_values(pyarrow, column)
    return columns, categories


def _arrow_values(pyarrow: Any, column: Any) -> Values:
    types = pyarrow.types
    kind = column.type
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        if column.null_count or types.is_decimal(kind):
            column = column.cast(pyarrow.float64(), safe=False)
        return column.to_numpy() if hasattr(column, "chunks") else column.to_numpy(zero_copy_only=False)
    if types.is_boolean(kind) and not column.null_count:
        return np.array(column.to_pylist(), dtype=bool)
    if types.is_timestamp(kind) or types.is_date(kind):
        zone = kind.tz if types.is_timestamp(kind) else None
        stamps = column.cast(pyarrow.timestamp("us", tz=zone), safe=False).cast(pyarrow.int64())
        missing = np.iinfo(np.int64).min
        filled = stamps.fill_null(missing)
        array = filled.to_numpy() if hasattr(filled, "chunks") else filled.to_numpy(zero_copy_only=False)
        return array.astype("datetime64[us]")
    return clean_objects(column.to_pylist())


def _from_python(frame: Any) -> dict[str, Values]:
    if isinstance(frame, Mapping):
        _unique_names(list(frame))
        return {str(name): values_of(values, str(name)) for name, values in frame.items()}
    if isinstance(frame, np.ndarray):
        return _from_numpy(frame)
    if isinstance(frame, (list, tuple)) and frame and all(isinstance(row, Mapping) for row in frame):
        columns = columns_of_rows([dict(row) for row in frame])
        return {str(name): clean_objects(values) for name, values in columns.items()}
    raise DataError(expected(KINDS, got=type(frame).__name__))


def _from_numpy(array: np.ndarray) -> dict[str, Values]:
    if array.dtype.names:
        return {name: values_of(array[name], name) for name in array.dtype.names}
    if array.ndim != 2:
        raise DataError(expected("an array of rows and columns", got=f"one of shape {array.shape}"))
    return {f"x{position}": values_of(array[:, position], f"x{position}") for position in range(array.shape[1])}


def values_of(values: Any, name: str) -> Values:
    """One column from anything list-like: a list, an array, a series of a frame library."""
    for library, attribute, convert in (
        ("pandas", "Series", _pandas_values),
        ("pandas", "Index", lambda index: _pandas_values(index.to_series())),
        ("polars", "Series", lambda series: _from_polars(series.to_frame())[0][series.name]),
        ("pyarrow", "ChunkedArray", lambda column: _arrow_values(sys.modules["pyarrow"], column)),
        ("pyarrow", "Array", lambda column: _arrow_values(sys.modules["pyarrow"], column)),
    ):
        module = sys.modules.get(library)
        if module is not None and isinstance(values, getattr(module, attribute, ())):
            return convert(values)
    if isinstance(values, np.ndarray):
        return _numpy_values(values, name)
    if isinstance(values, (str, bytes, Mapping)) or not hasattr(values, "__iter__"):
        raise DataError(expected(f"a list of values for column {name!r}", got=type(values).__name__), where=name)
    return clean_objects(list(values))


def _numpy_values(values: np.ndarray, name: str) -> Values:
    if values.ndim != 1:
        got = f"an array of shape {values.shape}"
        raise DataError(expected(f"one value per row for column {name!r}", got=got), where=name)
    if values.dtype.kind in "iufb":
        return values
    if values.dtype.kind == "M":
        return values.astype("datetime64[us]")
    return clean_objects(values.tolist())


def clean_objects(values: list[Any]) -> list[Any]:
    """The values with NaN, NaT and NA as None, and scalars of NumPy and `Decimal` as Python's own."""
    if set(map(type, values)) <= {str, type(None)}:
        return values
    return [_clean(value) for value in values]


def _clean(value: Any) -> Any:
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, Decimal):
        value = float(value)
    if isinstance(value, date):
        return None if type(value).__name__ == "NaTType" else value
    if isinstance(value, float):
        return None if value != value else value
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    return None if type(value).__name__ in ("NAType", "NaTType") else value


def like_input(columns: Mapping[str, Any], template: Any) -> Any:
    """The columns as the kind of frame that `template` is; a pandas frame of as many rows keeps its index."""
    library = frame_library(template)
    if library == "pandas":
        length = len(next(iter(columns.values()), ()))
        index = template.index if len(template) == length else None
        return sys.modules["pandas"].DataFrame(dict(columns), index=index)
    if library == "polars":
        return sys.modules["polars"].DataFrame(dict(columns))
    if library == "pyarrow":
        return sys.modules["pyarrow"].table({name: _plain(values) for name, values in columns.items()})
    if isinstance(template, np.ndarray):
        return _record_array(columns)
    if isinstance(template, Table):
        return Table(columns)
    lists = {name: np.asarray(values, dtype=object).tolist() for name, values in columns.items()}
    if isinstance(template, Mapping):
        return lists
    return [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]


def _plain(values: Any) -> Any:
    return values.tolist() if isinstance(values, np.ndarray) and values.dtype.kind == "O" else values


def _record_array(columns: Mapping[str, Any]) -> np.ndarray:
    arrays = {name: np.asarray(values) for name, values in columns.items()}
    length = len(next(iter(arrays.values()), ()))
    result = np.empty(length, dtype=[(name, array.dtype) for name, array in arrays.items()])
    for name, array in arrays.items():
        result[name] = array
    return result


def pandas_frame(columns: Mapping[str, Any]) -> Any:
    """A pandas frame, for libraries that pick columns by name. Raises `BackendError` without pandas."""
    try:
        import pandas
    except ImportError:
        raise BackendError(
            "Expected pandas for a model that picks columns by name, got none: pip install pandas"
        ) from None
    return pandas.DataFrame(dict(columns))
