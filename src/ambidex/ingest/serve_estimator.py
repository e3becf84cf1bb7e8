"""A pickled estimator with scikit-learn's methods, for the server. Reading it runs what its maker put there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal

import numpy as np

from ambidex.backends.served import Array, Program
from ambidex.data.frames import pandas_frame
from ambidex.errors import ArtifactError, BackendError, expected
from ambidex.runtime.worker_protocol import Interface, Port

ONLY_INPUT = "X"
Takes = Literal["own", "numbers", "any"]
MEASURES = ("mean_", "scale_", "center_", "data_min_", "max_abs_", "quantiles_", "coef_", "components_")
"""Attributes that an estimator of scikit-learn has only after it was fitted on numbers."""
METHODS = ("predict", "predict_proba", "transform")
"""What an estimator may be asked, in order; each is an output of that name. `transform` only if it cannot predict."""


def open_model(path: str, *, kind: str, is_trusted: bool) -> Program:
    """The estimator. Raises `ArtifactError` for anything that is none, `BackendError` without scikit-learn."""
    assert kind == "pickle"
    if not is_trusted:
        raise ArtifactError(expected("--trust for a pickle", got="none", where=path), where=path)
    try:
        joblib = import_module("joblib")
    except ImportError as error:
        raise BackendError("A pickled estimator needs scikit-learn: pip install scikit-learn.") from error
    estimator = joblib.load(path)
    methods = [name for name in METHODS if callable(getattr(estimator, name, None))]
    if "predict" in methods:
        methods = [name for name in methods if name != "transform"]
    if not methods:
        got = f"a pickled {type(estimator).__name__}"
        raise ArtifactError(expected("an estimator that predicts or transforms", got=got, where=path), where=path)
    inputs = _inputs(estimator)
    outputs = tuple(_output(estimator, name) for name in methods)
    columns = [port.name for port in inputs] if hasattr(estimator, "feature_names_in_") else None

    def run(given: Mapping[str, Array], wanted: Sequence[str]) -> dict[str, Array]:
        table = _as_text(given[ONLY_INPUT]) if columns is None else _table({name: given[name] for name in columns})
        return {name: _dense(getattr(estimator, name)(table)) for name in wanted or methods}

    return Program(
        interface=Interface(inputs=inputs, outputs=outputs, runs_on=_library(estimator)),
        run=run,
    )


def _library(estimator: Any) -> str:
    """The package that an estimator comes from, with its version."""
    package = type(estimator).__module__.partition(".")[0]
    name = {"sklearn": "scikit-learn"}.get(package, package)
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return name


def _inputs(estimator: Any) -> tuple[Port, ...]:
    """One input per column where they have names, else one matrix, or the texts that a vectorizer takes."""
    names = getattr(estimator, "feature_names_in_", None)
    if names is not None:
        texts, numbers = _columns(estimator)
        return tuple(_column(str(name), texts, numbers, is_measured=_is_measured(estimator)) for name in names)
    if any(hasattr(step, "vocabulary_") for step in _steps(estimator)):
        return (Port(name=ONLY_INPUT, datatype="BYTES", shape=(-1,)),)
    width = getattr(estimator, "n_features_in_", -1)
    takes: Takes = "numbers" if _is_measured(estimator) else "any"
    return (Port(name=ONLY_INPUT, datatype="FP64", shape=(-1, int(width)), takes=takes),)


def _column(name: str, texts: set[str], numbers: set[str], *, is_measured: bool) -> Port:
    """A column whose kind the estimator shows; where it shows none, a number is likely and the model decides."""
    if name in texts:
        return Port(name=name, datatype="BYTES", shape=(-1,))
    takes: Takes = "numbers" if is_measured or name in numbers else "any"
    return Port(name=name, datatype="FP64", shape=(-1,), takes=takes)


def _columns(estimator: Any) -> tuple[set[str], set[str]]:
    """The columns that an encoder of texts was fitted on, and those that something of numbers was."""
    texts: set[str] = set()
    numbers: set[str] = set()
    for step in _steps(estimator):
        for _, inner, columns in getattr(step, "transformers_", ()):
            given = [columns] if isinstance(columns, str) else list(columns)
            named = {name for name in given if isinstance(name, str)}
            if any(hasattr(part, "vocabulary_") or _are_texts(part) for part in _steps(inner)):
                texts |= named
            elif _is_measured(inner):
                numbers |= named
    return texts, numbers


def _are_texts(part: Any) -> bool:
    """Whether an encoder saw texts; one of other objects, or of both, is none."""
    lists = [np.asarray(values).ravel().tolist() for values in getattr(part, "categories_", ())]
    present = [value for values in lists for value in values if value is not None and value == value]
    return bool(present) and all(isinstance(value, str) for value in present)


def _is_measured(estimator: Any) -> bool:
    """Whether what sees the columns first keeps what only numbers leave behind."""
    first = next(iter(_steps(estimator)))
    kept = [getattr(first, name, None) for name in (*MEASURES, "categories_", "statistics_")]
    arrays = [np.asarray(part) for value in kept for part in (value if isinstance(value, list) else [value])]
    trees = np.ravel(getattr(first, "estimators_", ()))
    is_tree = hasattr(first, "tree_") or (len(trees) > 0 and hasattr(trees[0], "tree_"))
    return is_tree or any(array.dtype.kind in "fiu" for array in arrays)


def _steps(estimator: Any) -> Iterable[Any]:
    """The parts of a pipeline, or the estimator alone."""
    return [part for _, part in estimator.steps] if hasattr(estimator, "steps") else [estimator]


def _output(estimator: Any, method: str) -> Port:
    classes = getattr(estimator, "classes_", None)
    labels = classes.tolist() if isinstance(classes, np.ndarray) else []
    if method == "predict_proba":
        named = tuple(str(label) for label in labels)
        return Port(name=method, datatype="FP64", shape=(-1, len(named) or -1), labels=named)
    if method == "transform":
        return Port(name=method, datatype="FP64", shape=(-1, -1))
    if labels and isinstance(labels[0], str):
        return Port(name=method, datatype="BYTES", shape=(-1,))
    return Port(name=method, datatype="INT64" if labels and isinstance(labels[0], int) else "FP64", shape=(-1,))


def _table(columns: Mapping[str, Array]) -> Any:
    """The columns as the frame that the estimator was fitted on, or as a matrix where there is no pandas."""
    flat = {name: _as_text(values.reshape(-1)) for name, values in columns.items()}
    try:
        return pandas_frame(flat)
    except BackendError:
        return np.column_stack(list(flat.values()))


def _as_text(values: Array) -> Array:
    """Bytes as the texts they are in Python; numbers as they are."""
    if values.dtype != object:
        return values
    texts = np.empty(values.shape, object)
    texts.reshape(-1)[:] = [value.decode() for value in values.reshape(-1)]
    return texts


def _dense(values: Any) -> Array:
    """An array of what a method gave, which may be sparse or a frame."""
    dense = values.toarray() if hasattr(values, "toarray") else values
    return np.asarray(dense)
