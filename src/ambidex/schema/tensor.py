"""A tensor without NumPy: what the codecs make, the runtime takes, and everybody can read."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Literal

import msgspec

TensorType = Literal["float64", "float32", "int64", "bool", "string"]

TYPECODES: dict[str, str] = {"float64": "d", "float32": "f", "int64": "q", "bool": "b"}
"""The `array` typecode of each fixed-width type."""

MISSING_TIME = -(2**63)
"""The smallest int64 stands for a missing time."""


class Tensor(msgspec.Struct, frozen=True, kw_only=True):
    """Values in row-major order with their shape.

    `data` of a fixed-width type is anything with the buffer protocol whose items have that type and are contiguous
    (`array.array`, `memoryview`, a NumPy array); `data` of `string` is a flat sequence of `str`.
    """

    dtype: TensorType
    shape: tuple[int, ...]
    data: array[float] | array[int] | memoryview | Sequence[str]
