"""Weights to bytes and back: safetensors, checked against the graph's own shapes before anything is allocated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ambidex.artifact.tensors import check_shapes, read_header, write_tensors
from ambidex.graph.graph import Graph
from ambidex.graph.infer import parameters
from ambidex.graph.op import Array

DTYPES: dict[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "F64": np.dtype("<f8"), "I64": np.dtype("<i8")}
NAMES = {dtype: name for name, dtype in DTYPES.items()}


def arrays_to_bytes(arrays: Mapping[str, Array]) -> bytes:
    """Arrays of float32, float64 or int64 as safetensors, names sorted."""
    plain = {name: np.ascontiguousarray(array).reshape(np.shape(array)) for name, array in arrays.items()}
    return write_tensors({name: (NAMES[array.dtype], array.shape, array.data) for name, array in plain.items()})


def arrays_from_bytes(data: bytes) -> dict[str, Array]:
    """The arrays of a safetensors file, as copies that may be written to."""
    return {
        name: np.frombuffer(data[start:stop], dtype=DTYPES[dtype]).reshape(shape).copy()
        for name, (dtype, shape, start, stop) in read_header(data).items()
    }


def weights_from_bytes(data: bytes, graph: Graph) -> dict[str, Array]:
    """A graph's weights; an `ArtifactError` where names or shapes are not the graph's."""
    check_shapes(read_header(data), {parameter.name: parameter.shape for parameter in parameters(graph)})
    return arrays_from_bytes(data)
