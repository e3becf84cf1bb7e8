"""LightGBM, XGBoost and CatBoost: their own files, which hold trees and no code, and their converters."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from ambidex.errors import InputFileError, expected
from ambidex.ingest.foreign import (
    Answers,
    Columns,
    Foreign,
    Kinds,
    ModelRefusedError,
    Precision,
    PrecisionRefusedError,
    Wanted,
    first_line,
    matrix,
    numbered,
)
from ambidex.ingest.labelled import Labels, with_names

# onnxmltools' own limit for trees.
_OPSET = 15


def register_boosters() -> None:
    """Teaches skl2onnx the boosters that are installed, so that they may stand at the end of a pipeline."""
    from skl2onnx import update_registered_converter
    from skl2onnx.common.shape_calculator import (
        calculate_linear_classifier_output_shapes,
        calculate_linear_regressor_output_shapes,
    )

    for library, prefix in (("lightgbm", "LGBM"), ("xgboost", "XGB")):
        if find_spec(library) is None or find_spec("onnxmltools") is None:
            continue
        classifier, regressor, converters = _converters(library, prefix)
        classes = {"options": {"zipmap": [True, False, "columns"], "nocl": [True, False]}}
        update_registered_converter(
            classifier, f"{prefix}Classifier", calculate_linear_classifier_output_shapes, converters[0], **classes
        )
        update_registered_converter(
            regressor, f"{prefix}Regressor", calculate_linear_regressor_output_shapes, converters[1]
        )


def _converters(library: str, prefix: str) -> tuple[Any, Any, tuple[Any, Any]]:
    from importlib import import_module

    module = import_module(library)
    if library == "lightgbm":
        convert = import_module("onnxmltools.convert.lightgbm.operator_converters.LightGbm").convert_lightgbm
    else:
        convert = import_module("onnxmltools.convert.xgboost.operator_converters.XGBoost").convert_xgboost
    return getattr(module, f"{prefix}Classifier"), getattr(module, f"{prefix}Regressor"), (convert, convert)


@contextmanager
def without_feature_names(estimator: Any) -> Iterator[None]:
    """XGBoost's converter knows features by f0, f1, … alone: others are taken away for as long as it works."""
    last = estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator
    if type(last).__module__.partition(".")[0] != "xgboost":
        yield
        return
    booster = last.get_booster()
    names, booster.feature_names = booster.feature_names, None
    try:
        yield
    finally:
        booster.feature_names = names


def read_lightgbm(path: Path, wanted: Wanted) -> Foreign:
    """A model saved by `Booster.save_model`: text. Its classes are numbers, unless labels are given."""
    import lightgbm

    try:
        booster = lightgbm.Booster(model_file=str(path))
    except lightgbm.basic.LightGBMError as error:
        raise InputFileError(expected("a model of LightGBM", got=str(error), where=str(path))) from None
    objective = str(booster.dump_model(num_iteration=1).get("objective", ""))
    classes = _booster_classes(objective, booster.num_model_per_iteration(), wanted.classes)
    columns = tuple(booster.feature_name())

    def convert(kinds: Kinds, precision: Precision) -> Any:
        return with_names(_converted("lightgbm", booster, kinds, precision), wanted.classes)

    return Foreign(
        origin=f"lightgbm {lightgbm.__version__} Booster ({objective.split(' ', maxsplit=1)[0]})",
        columns=columns,
        classes=classes,
        answer=lambda values: _booster_answer(booster.predict(matrix(values, columns)), classes),
        convert=convert,
    )


def read_xgboost(path: Path, wanted: Wanted) -> Foreign:
    """A model saved by `Booster.save_model`: JSON or UBJSON. Its classes are numbers, unless labels are given."""
    import json

    import xgboost

    booster = xgboost.Booster()
    try:
        booster.load_model(str(path))
    except xgboost.core.XGBoostError as error:
        # A place in XGBoost's source, the reason, and a trace of addresses.
        reason = str(error).partition("\nStack trace:")[0].strip().splitlines()[-1].rpartition(") : ")[2].rstrip(".")
        raise InputFileError(expected("a model of XGBoost", got=reason, where=str(path))) from None
    learner = json.loads(booster.save_config())["learner"]
    objective = learner["objective"]["name"]
    count = int(learner["learner_model_param"]["num_class"] or 0)
    classes = _booster_classes(objective, max(count, 1), wanted.classes)
    columns = tuple(booster.feature_names or numbered(booster.num_features()))

    def answer(values: Columns) -> Answers:
        rows = xgboost.DMatrix(matrix(values, columns), feature_names=list(columns))
        return _booster_answer(booster.predict(rows), classes)

    def convert(kinds: Kinds, precision: Precision) -> Any:
        # The converter knows features by f0, f1, …
        booster.feature_names = None
        try:
            return with_names(_converted("xgboost", booster, kinds, precision), wanted.classes)
        finally:
            booster.feature_names = list(columns)

    return Foreign(
        origin=f"xgboost {xgboost.__version__} Booster ({objective})",
        columns=columns,
        classes=classes,
        answer=answer,
        convert=convert,
    )


def _booster_classes(objective: str, count: int, given: Labels) -> Labels:
    """Boosters number their classes; `given` names them.

    Raises `ModelRefusedError` for an objective whose answer is no class or number, and for labels that do not fit it.
    """
    name = objective.split(" ", maxsplit=1)[0]
    if name.startswith(("rank", "lambdarank", "survival")):
        raise ModelRefusedError(expected("an objective of classes or numbers", got=name))
    numbers = 2 if count == 1 and name in ("binary", "binary:logistic", "reg:logistic") else count
    numbers = numbers if numbers > 1 else 0
    if given and len(given) != numbers:
        what = f"{numbers} classes" if numbers else f"no classes for the numbers of {name}"
        raise ModelRefusedError(expected(what, got=f"{len(given)} labels", where="--classes"))
    return given or tuple(range(numbers))


def _booster_answer(raw: Any, classes: Labels) -> Answers:
    values = np.asarray(raw, np.float64)
    if not classes:
        return Answers(values=values.reshape(len(values)))
    shares = values if values.ndim == 2 else np.stack([1 - values, values], axis=1)
    names = np.array(classes, dtype=object if isinstance(classes[0], str) else np.int64)
    return Answers(values=names[shares.argmax(axis=1)], probabilities=shares)


def _converted(library: str, booster: Any, kinds: Kinds, precision: Precision) -> Any:
    if precision == "float64":
        raise PrecisionRefusedError(expected("trees in float32", got="float64, for which ONNX has no form"))
    import onnxmltools
    from onnxmltools.convert.common.data_types import FloatTensorType

    types = [("columns", FloatTensorType([None, len(kinds)]))]
    convert = {"lightgbm": onnxmltools.convert_lightgbm, "xgboost": onnxmltools.convert_xgboost}[library]
    extra = {"zipmap": False} if library == "lightgbm" else {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return convert(booster, initial_types=types, target_opset=_OPSET, **extra)
    except Exception as error:  # noqa: BLE001 - a converter written by others fails in ways of its own
        what = f"a booster that onnxmltools can convert ({library})"
        raise ModelRefusedError(expected(what, got=first_line(error))) from None


def read_catboost(path: Path) -> Foreign:
    """A model saved by `save_model`: CatBoost's own binary form. It writes ONNX itself."""
    import catboost

    model = catboost.CatBoost()
    try:
        model.load_model(str(path))
    except catboost.CatBoostError as error:
        raise InputFileError(expected("a model of CatBoost", got=str(error).splitlines()[0], where=str(path))) from None
    labels = model.classes_ if len(model.classes_) else ()
    classes = tuple(int(label) for label in labels) if len(labels) else ()
    columns = tuple(model.feature_names_)
    if model.get_cat_feature_indices():
        raise ModelRefusedError(expected("numbers only", got="categorical columns, which CatBoost's ONNX leaves out"))

    def answer(values: Columns) -> Answers:
        rows = matrix(values, columns)
        if not classes:
            return Answers(values=np.asarray(model.predict(rows), np.float64).reshape(len(rows)))
        shares = np.asarray(model.predict(rows, prediction_type="Probability"), np.float64)
        return Answers(values=np.asarray(classes)[shares.argmax(axis=1)], probabilities=shares)

    def convert(kinds: Kinds, precision: Precision) -> Any:
        del kinds
        if precision == "float64":
            raise PrecisionRefusedError(expected("trees in float32", got="float64"))
        with tempfile.TemporaryDirectory(prefix="ambidex-") as folder:
            target = Path(folder) / "converted.onnx"
            model.save_model(str(target), format="onnx")
            return without_zipmap(onnx.load(target))

    name = f"catboost {catboost.__version__} ({model.get_all_params().get('loss_function', '')})"
    return Foreign(origin=name, columns=columns, classes=classes, answer=answer, convert=convert)


def without_zipmap(model: Any) -> Any:
    """The model with a matrix of probabilities where it gave a list of dictionaries."""
    for node in list(model.graph.node):
        if node.op_type == "ZipMap":
            for output in model.graph.output:
                if output.name == node.output[0]:
                    output.name = node.input[0]
                    output.type.CopyFrom(onnx.helper.make_tensor_type_proto(onnx.TensorProto.FLOAT, [None, None]))
            model.graph.node.remove(node)
    return model
