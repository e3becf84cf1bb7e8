"""Any ONNX file for the server, run by ONNX Runtime under its own names for inputs and outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ambidex.artifact.onnx_reader import check_model
from ambidex.backends.served import Array, Program, datatype_of
from ambidex.errors import ArtifactError, expected
from ambidex.runtime.session import Signature, open_session
from ambidex.runtime.worker_protocol import Interface, Port
from ambidex.schema import Tensor


def open_model(path: str, *, kind: str, is_trusted: bool) -> Program:
    """The file's model. Raises `ArtifactError`, without trust also for operators that an artifact may not hold."""
    assert kind == "onnx"
    raw = Path(path).read_bytes()
    if not is_trusted:
        try:
            check_model(raw)
        except ArtifactError as error:
            fix = "Serve it with --trust if you know who made it."
            raise ArtifactError(f"{error.message} {fix}", where=path) from error
    session = open_session(raw)
    names = [port.name for port in session.outputs]

    def run(given: Mapping[str, Array], wanted: Sequence[str]) -> dict[str, Array]:
        feeds = {port.name: _tensor(port, given[port.name]) for port in session.inputs}
        outputs = session.run(feeds, tuple(wanted or names))
        return {name: _array(tensor) for name, tensor in outputs.items()}

    interface = Interface(
        inputs=tuple(map(_port, session.inputs)), outputs=tuple(map(_port, session.outputs)), runs_on="onnxruntime"
    )
    return Program(interface=interface, run=run)


def _port(port: Signature) -> Port:
    shape = tuple(-1 if size is None else size for size in port.shape)
    return Port(name=port.name, datatype=datatype_of(port.dtype, port.name), shape=shape)


def _tensor(port: Signature, array: Array) -> Tensor:
    if port.dtype != "string":
        return Tensor(dtype=port.dtype, shape=array.shape, data=array.reshape(-1).data)
    texts = [value.decode() for value in array.reshape(-1)]
    if any("\0" in text for text in texts):
        raise ValueError(expected("texts without NUL", got="one with it"))
    return Tensor(dtype="string", shape=array.shape, data=texts)


def _array(tensor: Tensor) -> Array:
    dtype = object if tensor.dtype == "string" else tensor.dtype
    return np.array(tensor.data, dtype).reshape(tensor.shape)
