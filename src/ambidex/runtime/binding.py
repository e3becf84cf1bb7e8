"""A session over onnxruntime's Python binding: the way where its shared library cannot be found. Imports numpy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ambidex.errors import ArtifactError, BackendError, DataError, TrainingError, UsageError
from ambidex.runtime.feed import (
    FORMATS,
    RESULT_FORMATS,
    check_names,
    check_outputs,
    check_size,
    check_tensor,
    check_texts,
    wrong_data,
)
from ambidex.runtime.session import Signature, silence_telemetry
from ambidex.schema.tensor import Tensor, TensorType

TYPES: dict[str, TensorType] = {
    "tensor(double)": "float64",
    "tensor(float)": "float32",
    "tensor(int64)": "int64",
    "tensor(bool)": "bool",
    "tensor(string)": "string",
}


class BindingSession:
    """See `ambidex.runtime.session.Session`."""

    def __init__(self, model: bytes, *, threads: int = 1) -> None:
        ort = _import_onnxruntime()
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 4  # errors are raised; they need not be printed too
        try:
            session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # the binding's own exceptions have no common class but this
            raise ArtifactError(f"Expected a model that onnxruntime can load, got: {error}") from error
        self._session: Any = session
        self._inputs = tuple(_signature(node) for node in session.get_inputs())
        self._outputs = tuple(_signature(node) for node in session.get_outputs())
        self._metadata: dict[str, str] = dict(session.get_modelmeta().custom_metadata_map)

    @property
    def inputs(self) -> tuple[Signature, ...]:
        return self._inputs

    @property
    def outputs(self) -> tuple[Signature, ...]:
        return self._outputs

    @property
    def metadata(self) -> dict[str, str]:
        return dict(self._metadata)

    def run(self, feeds: Mapping[str, Tensor], outputs: Sequence[str] | None = None) -> dict[str, Tensor]:
        session = self._session
        if session is None:
            raise UsageError("Expected an open session, got one that was closed.")
        check_names(self._inputs, feeds)
        wanted = [signature.name for signature in self._outputs] if outputs is None else list(outputs)
        check_outputs(self._outputs, wanted)
        arrays = {signature.name: _to_array(signature, feeds[signature.name]) for signature in self._inputs}
        results = _run(session, wanted, arrays) if wanted else []
        dtypes = {signature.name: signature.dtype for signature in self._outputs}
        return {name: _to_tensor(dtypes[name], result) for name, result in zip(wanted, results, strict=True)}

    def close(self) -> None:
        self._session = None


def _import_onnxruntime() -> Any:
    silence_telemetry()
    try:
        import onnxruntime
    except ImportError as error:
        raise BackendError("Expected onnxruntime to be installed, got none. pip install 'onnxruntime>=1.20'") from error
    return onnxruntime


def _signature(node: Any) -> Signature:
    if node.type not in TYPES:
        raise ArtifactError(f"Expected tensors of {', '.join(TYPES.values())}, got {node.type} for {node.name!r}.")
    shape = tuple(size if isinstance(size, int) else None for size in node.shape)
    return Signature(name=node.name, dtype=TYPES[node.type], shape=shape)


def _run(session: Any, wanted: list[str], arrays: dict[str, Any]) -> list[Any]:
    try:
        results: list[Any] = session.run(wanted, arrays)
    except Exception as error:  # the binding's own exceptions have no common class but this
        if type(error).__name__ == "InvalidArgument":
            raise DataError(f"Expected inputs that fit the model's graph, got: {error}") from error
        raise TrainingError(f"onnxruntime failed while it ran the model: {error}") from error
    return results


def _to_array(signature: Signature, tensor: Tensor) -> Any:
    import numpy as np

    elements = check_tensor(signature, tensor)
    if tensor.dtype == "string":
        check_texts(signature, tensor.data)  # type: ignore[arg-type]
        check_size(signature, tensor, len(tensor.data))
        texts = np.empty(elements, dtype=object)
        texts[:] = list(tensor.data)
        return texts.reshape(tensor.shape)
    try:
        view = memoryview(tensor.data)  # type: ignore[arg-type]
    except TypeError as error:
        raise wrong_data(signature, "a contiguous buffer", type(tensor.data).__name__) from error
    formats, itemsize = FORMATS[tensor.dtype]
    form = view.format.lstrip("@=<")
    if not view.c_contiguous:
        raise wrong_data(signature, "a contiguous buffer", type(tensor.data).__name__)
    if form not in formats or view.itemsize != itemsize:
        raise wrong_data(signature, f"a buffer of {tensor.dtype}", f"items of format {form!r}")
    check_size(signature, tensor, view.nbytes // itemsize)
    array = np.frombuffer(view, dtype=np.dtype(tensor.dtype)) if elements else np.empty(0, dtype=tensor.dtype)
    if tensor.dtype == "bool" and (array.view(np.uint8) > 1).any():
        raise wrong_data(signature, "bytes 0 and 1 in a bool buffer", "others")
    return array.reshape(tensor.shape)


def _to_tensor(dtype: TensorType, result: Any) -> Tensor:
    import numpy as np

    result = np.asarray(result)
    shape = tuple(int(size) for size in result.shape)
    if dtype == "string":
        return Tensor(dtype=dtype, shape=shape, data=[str(text) for text in result.reshape(-1)])
    return Tensor(dtype=dtype, shape=shape, data=memoryview(result.tobytes()).cast(RESULT_FORMATS[dtype]))
