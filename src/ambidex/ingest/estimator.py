"""scikit-learn estimators and pipelines, also with LightGBM's and XGBoost's estimators inside."""

from __future__ import annotations

import sys
import warnings
from typing import Any

import numpy as np

from ambidex.data.frames import pandas_frame
from ambidex.errors import DataError, expected
from ambidex.ingest.boosters import register_boosters, without_feature_names
from ambidex.ingest.foreign import (
    Answers,
    Columns,
    Foreign,
    Kinds,
    ModelRefusedError,
    Precision,
    PrecisionRefusedError,
    first_line,
    matrix,
    numbered,
    plain_classes,
)
from ambidex.ingest.missing import follow_missing, has_trees
from ambidex.ingest.packing import ML_OPSET, OPSET


def read_estimator(estimator: Any) -> Foreign:
    """A fitted estimator. Raises `ModelRefusedError` for one that is not fitted or answers no class or number."""
    from sklearn.base import is_classifier, is_regressor
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    name = type(estimator).__name__
    try:
        check_is_fitted(estimator)
    except (NotFittedError, TypeError):
        raise ModelRefusedError(expected("a fitted estimator of scikit-learn", got=name)) from None
    if not is_classifier(estimator) and not is_regressor(estimator):
        raise ModelRefusedError(expected("a classifier or a regressor", got=name))
    classes = _classes(estimator) if is_classifier(estimator) else ()
    columns = _columns(estimator)
    return Foreign(
        origin=f"{_origin(estimator)} {name}",
        columns=columns,
        classes=classes,
        answer=lambda values: _answer(estimator, columns, values, classes),
        convert=lambda kinds, precision: _convert(estimator, kinds, precision, is_class=bool(classes)),
    )


def _origin(estimator: Any) -> str:
    library = type(estimator).__module__.partition(".")[0]
    name = {"sklearn": "scikit-learn"}.get(library, library)
    return f"{name} {getattr(sys.modules[library], '__version__', '')}".strip()


def _classes(estimator: Any) -> tuple[str | int, ...]:
    if not hasattr(estimator, "predict_proba"):
        fix = "Wrap it in CalibratedClassifierCV, which gives them."
        raise ModelRefusedError(expected("a classifier with probabilities", got=type(estimator).__name__, fix=fix))
    return plain_classes(estimator.classes_)


def _columns(estimator: Any) -> tuple[str, ...]:
    names = getattr(estimator, "feature_names_in_", None)
    if names is not None:
        return tuple(str(name) for name in names)
    count = getattr(estimator, "n_features_in_", None)
    if count is None:
        raise ModelRefusedError(expected("an estimator that knows its columns", got=type(estimator).__name__))
    return numbered(int(count))


def _answer(estimator: Any, names: tuple[str, ...], columns: Columns, classes: tuple[str | int, ...]) -> Answers:
    rows = pandas_frame({name: columns[name] for name in names}) if _is_named(estimator) else matrix(columns, names)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if not classes:
                return Answers(values=np.asarray(estimator.predict(rows), np.float64).reshape(len(rows)))
            labels = np.asarray(estimator.predict(rows))
            shares = np.asarray(estimator.predict_proba(rows), np.float64)
    except (ValueError, TypeError) as error:
        raise DataError(expected("values that the original takes", got=str(error).splitlines()[0])) from None
    typed = labels.astype(np.int64) if isinstance(classes[0], int) else labels.astype(object)
    return Answers(values=typed, probabilities=shares)


def _is_named(estimator: Any) -> bool:
    return getattr(estimator, "feature_names_in_", None) is not None


def _convert(estimator: Any, kinds: Kinds, precision: Precision, *, is_class: bool) -> Any:
    if precision == "float64" and has_trees(estimator):
        # They round what they are given to float32 themselves, and skl2onnx never ends on an infinite threshold.
        raise PrecisionRefusedError(expected("trees in float32", got="float64"))
    from skl2onnx import convert_sklearn
    from skl2onnx.common import data_types

    register_boosters()
    number = data_types.DoubleTensorType if precision == "float64" else data_types.FloatTensorType
    # A pipeline that picks columns by name needs them apart; everything else is one matrix.
    if (_is_named(estimator) and "text" in kinds.values()) or _picks_columns(estimator):
        types = [
            (name, number([None, 1]) if kind == "number" else data_types.StringTensorType([None, 1]))
            for name, kind in kinds.items()
        ]
    else:
        types = [("columns", number([None, len(kinds)]))]
    last = estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator
    opsets = {"": OPSET, "ai.onnx.ml": ML_OPSET}
    options = {id(last): {"zipmap": False}} if is_class else None
    try:
        with warnings.catch_warnings(), without_feature_names(estimator):
            warnings.simplefilter("ignore")
            model = convert_sklearn(estimator, initial_types=types, target_opset=opsets, options=options)
    except Exception as error:  # noqa: BLE001 - a converter written by others fails in ways of its own
        what = "an estimator that skl2onnx can convert"
        raise ModelRefusedError(expected(what, got=first_line(error))) from None
    follow_missing(model, estimator)
    return model


def _picks_columns(estimator: Any) -> bool:
    steps = [step for _, step in getattr(estimator, "steps", [])]
    return any(hasattr(step, "transformers") for step in (estimator, *steps))
