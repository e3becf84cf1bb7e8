from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.export.onnx.edition import assert_same, one_op, value, with_missing

CASES: list[tuple[str, dict[str, Any]]] = [
    ("select", {"columns": (2, 0)}),
    ("select", {"columns": (0, 1, 2)}),
    ("select", {"columns": (1,)}),
    ("impute", {"fill": (0.5, -1.0, 1e9)}),
    ("is_missing", {}),
    ("standardize", {"center": (0.1, 1e6, -3.0), "scale": (3.0, 1e-3, 7e5)}),
    ("unstandardize", {"center": (0.1, 1e6, -3.0), "scale": (3.0, 1e-3, 7e5)}),
    ("smooth_clip", {"limit": 3.0}),
    ("temperature", {"temperature": 1.7}),
]


@pytest.mark.parametrize("shape", [("B", 3), ("B", "T", 3)], ids=["rows", "windows"])
@pytest.mark.parametrize(("op", "attrs"), CASES)
def test_numbers_are_prepared_bit_by_bit_as_in_numpy(
    op: str, attrs: dict[str, Any], shape: tuple[int | str, ...], rng: np.random.Generator
) -> None:
    assert_same(one_op(op, value("x", "float64", *shape), **attrs), with_missing, rng, 0)
