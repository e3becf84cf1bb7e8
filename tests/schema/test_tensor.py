"""Tensors without NumPy: their types are what the buffer protocol calls them."""

from __future__ import annotations

from array import array

import numpy as np
import pytest

from ambidex.graph.ops.time import MISSING_TIME as OF_THE_GRAPH
from ambidex.schema import MISSING_TIME, Tensor
from ambidex.schema.tensor import TYPECODES


@pytest.mark.parametrize(("dtype", "code"), TYPECODES.items())
def test_a_typecode_has_the_size_of_its_type(dtype: str, code: str) -> None:
    assert array(code).itemsize == np.dtype(dtype).itemsize


def test_a_missing_time_is_the_smallest_integer_everywhere() -> None:
    assert MISSING_TIME == OF_THE_GRAPH == np.iinfo(np.int64).min


def test_a_tensor_lends_its_values_to_numpy() -> None:
    tensor = Tensor(dtype="float64", shape=(2, 1), data=array("d", [1.0, 2.0]))
    assert np.asarray(tensor.data).reshape(tensor.shape).tolist() == [[1.0], [2.0]]
