from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.export.onnx.edition import assert_same, normal, one_op, value

from ambidex.graph import Builder

WINDOW = value("x", "float32", "B", "T", 3)
CASES: list[tuple[str, list[Any], dict[str, Any]]] = [
    ("concat", [WINDOW, value("y", "float32", "B", "T", 2)], {}),
    ("concat", [value("x", "float32", "B", 2, 3), value("y", "float32", "B", 4, 3)], {"axis": -2}),
    ("concat", [WINDOW], {}),
    ("reshape", [value("x", "float32", "B", 6)], {"shape": (2, 3)}),
    ("reshape", [value("x", "float32", "B", 2, 3)], {"shape": (6,)}),
    ("transpose", [WINDOW], {"axes": (0, 2, 1)}),
    ("slice", [WINDOW], {"axis": 2, "start": 1, "stop": 3}),
    ("slice", [WINDOW], {"axis": -1, "start": -2, "stop": -1}),
    ("slice", [WINDOW], {"axis": 1, "start": -1, "stop": None}),
    ("cast", [value("x", "float64", "B", "T", 3)], {"dtype": "float32"}),
    ("cast", [value("x", "float64", "B", "T", 3)], {"dtype": "int64"}),
    ("cast", [value("x", "int64", "B", "T", 3)], {"dtype": "float64"}),
    ("cast", [value("x", "float64", "B", "T", 3)], {"dtype": "float64"}),
]


@pytest.mark.parametrize(("op", "inputs", "attrs"), CASES)
def test_values_move_unchanged(op: str, inputs: list[Any], attrs: dict[str, Any], rng: np.random.Generator) -> None:
    assert_same(one_op(op, *inputs, **attrs), normal, rng, 0)


@pytest.mark.parametrize("dtype", ["string", "int64"])
def test_texts_and_codes_move_too(dtype: str, rng: np.random.Generator) -> None:
    def draw(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
        return rng.integers(-5, 5, shape).astype(str) if dtype == "string" else rng.integers(-5, 5, shape)

    inputs = [value("x", dtype, "B", 2), value("y", dtype, "B", 3)]
    for op, taken, attrs in (
        ("concat", inputs, {}),
        ("slice", inputs[1:], {"axis": -1, "start": 1}),
        ("reshape", inputs[:1], {"shape": (2, 1)}),
    ):
        builder = Builder(taken)
        result = builder.add("prepare", "result", op, *(entry.name for entry in taken), **attrs)
        assert_same(builder.build(prepared=[], raw_outputs=[], outputs={"answer": result}), draw, rng, 0)
