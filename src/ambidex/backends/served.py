"""A model of somebody else, loaded by its framework: what both engines and the other readers hand to the server."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ambidex.errors import ArtifactError, expected
from ambidex.runtime.worker_protocol import Interface

Array = npt.NDArray[Any]
Run = Callable[[Mapping[str, Array], Sequence[str]], Mapping[str, Array]]
"""Inputs by name and the outputs wanted (empty: all) to outputs by name. Texts are object arrays of bytes."""

DATATYPES: dict[str, str] = {
    "bool": "BOOL",
    "int8": "INT8",
    "int16": "INT16",
    "int32": "INT32",
    "int64": "INT64",
    "uint8": "UINT8",
    "uint16": "UINT16",
    "uint32": "UINT32",
    "uint64": "UINT64",
    "float16": "FP32",
    "bfloat16": "FP32",
    "float32": "FP32",
    "float64": "FP64",
    "string": "BYTES",
}
"""Element types to the datatypes that travel; halves travel as floats."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """A loaded model. `run` may raise anything for values that do not suit it."""

    interface: Interface
    run: Run


def datatype_of(dtype: str, where: str) -> str:
    """The datatype that an element type travels as. Raises `ArtifactError` for one that cannot travel."""
    if dtype not in DATATYPES:
        message = expected("numbers, flags or texts as inputs and outputs", got=dtype, where=where)
        raise ArtifactError(message, where=where)
    return DATATYPES[dtype]


def travelling(array: Array) -> tuple[str, Array]:
    """The datatype of an array, and the array in that type. Raises `TypeError` for what cannot travel."""
    if array.dtype.kind in "OSU":
        return "BYTES", array
    name = array.dtype.name
    if name not in DATATYPES:
        raise TypeError(f"an output of type {name}")
    return DATATYPES[name], array.astype(np.float32) if DATATYPES[name] == "FP32" else array
