"""TorchScript, `.pt2`, Keras and SavedModel: programs that their framework runs, and converts to ONNX."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from ambidex.errors import AmbidexError, DataError, expected
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
from ambidex.ingest.labelled import Labels, answers, check_labels, with_label
from ambidex.ingest.packing import OPSET

_DTYPES: dict[str, Any] = {
    "FP32": np.float32,
    "FP64": np.float64,
    "INT64": np.int64,
    "INT32": np.int32,
    "BYTES": object,
}


def read_torchscript(path: Path, wanted: Wanted) -> Foreign:
    """A file of `torch.jit.save`; it does not say how many columns it takes, so the rows have to."""
    return _read(path, "torch", "torchscript", wanted)


def read_pt2(path: Path, wanted: Wanted) -> Foreign:
    """A file of `torch.export.save`."""
    return _read(path, "torch", "pt2", wanted)


def read_keras(path: Path, wanted: Wanted) -> Foreign:
    """A file of `Model.save`."""
    return _read(path, "keras", "keras", wanted)


def read_savedmodel(path: Path, wanted: Wanted) -> Foreign:
    """A SavedModel with the signature `serving_default`."""
    return _read(path, "keras", "savedmodel", wanted)


def _read(path: Path, backend: str, kind: str, wanted: Wanted) -> Foreign:
    try:
        program = import_module(f"ambidex.backends.{backend}.serving").open_model(str(path), kind=kind, is_trusted=True)
    except AmbidexError:
        raise
    except Exception as error:  # noqa: BLE001 - a damaged program fails in ways of its own
        raise DataError(
            expected(f"a {kind} that its framework reads", got=_first_line(error), where=str(path))
        ) from None
    ports = {port.name: port for port in program.interface.inputs}
    shapes = {name: None if port.shape is None else list(port.shape[1:]) for name, port in ports.items()}
    columns = column_names(shapes, wanted.columns)
    last = program.interface.outputs[-1].shape
    width = last[1] if last is not None and len(last) == 2 else 0
    outputs = [port.name for port in program.interface.outputs]
    if last is not None:
        check_labels(len(outputs), width, wanted.classes)

    def answer(values: Columns) -> Answers:
        feeds = {name: _feed(port.datatype, shapes[name], name, values, columns) for name, port in ports.items()}
        try:
            found = program.run(feeds, outputs)
        except Exception as error:  # noqa: BLE001 - whatever the model thinks of these values
            raise DataError(expected("values that the original takes", got=_first_line(error))) from None
        check_labels(len(outputs), _width(found[outputs[-1]]), wanted.classes)
        return answers([found[name] for name in outputs], wanted.classes)

    def convert(kinds: Kinds, precision: Precision) -> Any:
        del kinds
        if precision == "float64":
            raise PrecisionRefusedError(expected("the program in its own precision", got="float64"))
        widths = {name: _input_width(shape, len(columns)) for name, shape in shapes.items()}
        return _converted(path, backend, kind, widths, wanted.classes)

    return Foreign(
        origin=f"{program.interface.runs_on} {kind}",
        columns=columns,
        classes=wanted.classes,
        answer=answer,
        convert=convert,
    )


def _width(array: Any) -> int:
    return int(array.shape[1]) if array.ndim == 2 else 0


def _input_width(shape: list[int] | None, num_columns: int) -> int:
    """The columns of one input: none for (B,), all for a matrix, else one."""
    if shape == []:
        return 0
    return num_columns if shape is None or shape[0] != 1 else 1


def _feed(datatype: str, shape: list[int] | None, name: str, values: Columns, columns: tuple[str, ...]) -> Any:
    if datatype not in _DTYPES:
        raise ModelRefusedError(expected("inputs that are numbers or texts", got=f"{name!r} of type {datatype}"))
    array = values[name] if name in values else matrix(values, columns)
    if array.ndim == 1 and shape:
        array = array[:, None]  # (B, 1)
    if datatype == "BYTES":
        texts: Any = np.empty(array.size, dtype=object)
        texts[:] = [str(text).encode() for text in array.ravel()]
        return texts.reshape(array.shape)
    return array.astype(_DTYPES[datatype])


def _converted(path: Path, backend: str, kind: str, widths: dict[str, int], labels: Labels) -> Any:
    convert = import_module(f"ambidex.backends.{backend}.ingested").onnx_bytes
    try:
        model = onnx.ModelProto.FromString(convert(str(path), kind=kind, widths=widths, opset=OPSET))
    except AmbidexError:
        raise
    except Exception as error:  # noqa: BLE001 - a converter written by others fails in ways of its own
        what = f"a {kind} that its converter to ONNX takes"
        raise ModelRefusedError(expected(what, got=_first_line(error))) from None
    return with_label(model, labels)


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0][:200]
