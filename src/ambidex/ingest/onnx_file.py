"""Any `.onnx` file whose inputs are columns: the original answers through ONNX Runtime, under its own names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import TensorProto

from ambidex.artifact.format import MODEL
from ambidex.artifact.onnx_reader import check_model
from ambidex.errors import ArtifactError, InputFileError, expected
from ambidex.export.answer import answer as run_session
from ambidex.ingest.boosters import without_zipmap
from ambidex.ingest.foreign import (
    Answers,
    Columns,
    Foreign,
    Kinds,
    ModelRefusedError,
    Precision,
    PrecisionRefusedError,
    Wanted,
    column_names,
    matrix,
)
from ambidex.ingest.labelled import Labels, answers, check_labels, own_labels, with_label
from ambidex.runtime.session import open_session

_DTYPES: dict[int, Any] = {
    TensorProto.FLOAT: np.float32,
    TensorProto.DOUBLE: np.float64,
    TensorProto.INT64: np.int64,
    TensorProto.STRING: object,
}


def read_onnx(path: Path, wanted: Wanted) -> Foreign:
    """The file's model.

    Raises `InputFileError` for what is no ONNX, `ArtifactError` for operators that an artifact may not hold, and
    `ModelRefusedError` for inputs or outputs that are no columns.
    """
    try:
        model = onnx.ModelProto.FromString(path.read_bytes())
    except DecodeError:
        raise InputFileError(expected("an ONNX model", got="other bytes", where=str(path))) from None
    model = without_zipmap(model)
    raw = model.SerializeToString()
    try:
        check_model(raw)
    except ArtifactError as error:
        raise ArtifactError(f"{error.message.removesuffix(f'{MODEL}.')}{path}.", where=str(path)) from None
    inputs = _inputs(model)
    columns = column_names({name: shape[1:] for name, (_, shape) in inputs.items()}, wanted.columns)
    names = tuple(output.name for output in model.graph.output)
    labels = _labels(own_labels(model), wanted.classes)
    last = [dim.dim_value for dim in model.graph.output[-1].type.tensor_type.shape.dim]
    check_labels(len(names), last[1] if len(last) == 2 else 0, labels)
    session = open_session(raw)

    def answer(values: Columns) -> Answers:
        outputs = run_session(session, _feeds(inputs, values, columns), names)
        return answers([outputs[name] for name in names], labels)

    def convert(kinds: Kinds, precision: Precision) -> Any:
        del kinds
        if precision == "float32":
            raise PrecisionRefusedError(expected("the file as it is", got="another precision"))
        return with_label(model, labels)

    producer = f" by {model.producer_name}" if model.producer_name else ""
    return Foreign(origin=f"an ONNX file{producer}", columns=columns, classes=labels, answer=answer, convert=convert)


def _labels(own: Labels, given: Labels) -> Labels:
    """The file's own labels, or those given where it has none. Raises `ModelRefusedError` where they contradict."""
    if own and given and own != given:
        raise ModelRefusedError(
            expected(f"the labels of the file, {_listed(own)}", got=_listed(given), where="--classes")
        )
    return own or given


def _listed(labels: Labels) -> str:
    return ",".join(map(str, labels))


def _inputs(model: Any) -> dict[str, tuple[int, list[int | None]]]:
    """Element type and shape by name; None is a free dimension."""
    weights = {tensor.name for tensor in model.graph.initializer}
    found = {}
    for value in model.graph.input:
        if value.name in weights:
            continue
        tensor = value.type.tensor_type
        shape = [dim.dim_value or None for dim in tensor.shape.dim]
        if tensor.elem_type not in _DTYPES or len(shape) not in (1, 2):
            got = f"{value.name!r} of type {TensorProto.DataType.Name(tensor.elem_type)} with {len(shape)} dimensions"
            raise ModelRefusedError(expected("inputs that are columns or one matrix of them", got=got))
        if shape[0] not in (None, -1):
            fix = "Export it with a free batch."
            raise ModelRefusedError(expected("a free batch", got=f"{shape[0]} rows only", where=value.name, fix=fix))
        found[value.name] = (tensor.elem_type, shape)
    return found


def _feeds(
    inputs: dict[str, tuple[int, list[int | None]]], values: Columns, columns: tuple[str, ...]
) -> dict[str, Any]:
    feeds = {}
    for name, (dtype, shape) in inputs.items():
        array = matrix(values, columns) if name not in values else values[name]
        if len(shape) == 2 and array.ndim == 1:
            array = array[:, None]  # (B, 1)
        feeds[name] = array.astype(_DTYPES[dtype])
    return feeds
