"""Writes the collected nodes as ONNX protobuf messages, directly, because onnx.helper checks every element."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ambidex.errors import ArtifactError, expected
from ambidex.export.onnx._import import load_onnx
from ambidex.export.onnx.context import AI_ONNX_ML, ELEMENT_TYPES, Attribute, Step
from ambidex.graph.graph import Dim, Value
from ambidex.graph.op import Array

OPSET = 17
ML_OPSET = 3
IR_VERSION = 8
PRODUCER = "ambidex"
MOST_BYTES = 2**31 - 1
"""Protobuf's limit for one message."""

_SYMBOLS = {"B": "batch", "T": "time"}


def write_model(
    steps: Sequence[Step],
    initializers: Mapping[str, Array],
    inputs: Iterable[Value],
    outputs: Iterable[Value],
    metadata: Mapping[str, str],
) -> bytes:
    """The file's bytes. An `ArtifactError` where the weights exceed what one file can hold."""
    size = sum(array.nbytes for array in initializers.values())
    if size > MOST_BYTES:
        raise ArtifactError(expected("weights of less than 2 GiB for one ONNX file", got=f"{size} bytes"))
    onnx = load_onnx()
    graph = onnx.GraphProto(
        name=PRODUCER,
        node=[_node(onnx, step) for step in steps],
        initializer=[_tensor(onnx, name, array) for name, array in initializers.items()],
        input=[_value(onnx, value) for value in inputs],
        output=[_value(onnx, value) for value in outputs],
    )
    opsets = [onnx.OperatorSetIdProto(domain="", version=OPSET)]
    if any(step.domain for step in steps):
        opsets.append(onnx.OperatorSetIdProto(domain=AI_ONNX_ML, version=ML_OPSET))
    model = onnx.ModelProto(
        ir_version=IR_VERSION,
        producer_name=PRODUCER,
        opset_import=opsets,
        graph=graph,
        metadata_props=[onnx.StringStringEntryProto(key=key, value=metadata[key]) for key in sorted(metadata)],
    )
    return bytes(model.SerializeToString(deterministic=True))


def _node(onnx: Any, step: Step) -> Any:
    return onnx.NodeProto(
        op_type=step.op,
        domain=step.domain,
        name=next(name for name in step.outputs if name),
        input=step.inputs,
        output=step.outputs,
        attribute=[_attribute(onnx, name, value) for name, value in step.attributes.items()],
    )


def _attribute(onnx: Any, name: str, value: Attribute) -> Any:
    kind = onnx.AttributeProto
    if isinstance(value, int):
        return kind(name=name, type=kind.INT, i=value)
    if isinstance(value, float):
        return kind(name=name, type=kind.FLOAT, f=value)
    if isinstance(value, str):
        return kind(name=name, type=kind.STRING, s=value.encode())
    if isinstance(value[0], str):
        return kind(name=name, type=kind.STRINGS, strings=[str(text).encode() for text in value])
    return kind(name=name, type=kind.INTS, ints=value)


def _tensor(onnx: Any, name: str, array: Array) -> Any:
    """Numbers as little-endian bytes, texts one by one."""
    if array.dtype == object:
        texts = [text.encode() for text in array.ravel().tolist()]
        return onnx.TensorProto(name=name, data_type=ELEMENT_TYPES["string"], dims=array.shape, string_data=texts)
    raw = array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
    return onnx.TensorProto(name=name, data_type=ELEMENT_TYPES[array.dtype.name], dims=array.shape, raw_data=raw)


def _value(onnx: Any, value: Value) -> Any:
    shape = onnx.TensorShapeProto(dim=[_dim(onnx, dim) for dim in value.shape])
    tensor = onnx.TypeProto.Tensor(elem_type=ELEMENT_TYPES[value.dtype], shape=shape)
    return onnx.ValueInfoProto(name=value.name, type=onnx.TypeProto(tensor_type=tensor))


def _dim(onnx: Any, dim: Dim) -> Any:
    if isinstance(dim, int):
        return onnx.TensorShapeProto.Dimension(dim_value=dim)
    spelled = re.sub(r"\b[BT]\b", lambda found: _SYMBOLS[found.group()], dim)
    return onnx.TensorShapeProto.Dimension(dim_param=spelled)


def check(model: bytes) -> None:
    """Raises an `ArtifactError` unless the bytes are a valid model: types, shapes, schemas, and less than 2 GiB."""
    if len(model) > MOST_BYTES:
        raise ArtifactError(expected("an ONNX file of less than 2 GiB", got=f"{len(model)} bytes"))
    onnx = load_onnx()
    known = (onnx.checker.ValidationError, onnx.shape_inference.InferenceError, ValueError)  # the last: no protobuf
    try:
        onnx.checker.check_model(model, full_check=True)
    except known as error:
        raise ArtifactError(f"Expected a valid ONNX model, got: {error}") from error
