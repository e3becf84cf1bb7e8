"""Arithmetic between tensors, and the softmax."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn
from tests.graph.ops.running import run


@pytest.mark.parametrize(("op", "expected"), [("add", 8.0), ("sub", 4.0), ("mul", 12.0), ("div", 3.0)])
def test_the_left_input_comes_first(op: str, expected: float) -> None:
    assert run(op, [[6.0]], [[2.0]]).tolist() == [[expected]]


def test_a_value_per_window_meets_every_step() -> None:
    window, last = np.arange(6.0).reshape(1, 3, 2), np.array([[[4.0, 5.0]]])
    assert run("sub", window, last).tolist() == [[[-4, -4], [-2, -2], [0, 0]]]


@given(stn.arrays(np.float64, (3, 4), elements=st.floats(-1e3, 1e3)), st.floats(-1e3, 1e3))
def test_a_softmax_sums_to_one_and_ignores_a_shift(x: Any, shift: float) -> None:
    found = run("softmax", x)
    assert found.sum(axis=-1) == pytest.approx(np.ones(3), abs=1e-14)
    assert run("softmax", x + shift) == pytest.approx(found, abs=1e-9)
    assert found[0, 0] == pytest.approx(1 / np.exp(np.clip(x[0] - x[0, 0], None, 700)).sum(), rel=1e-9, abs=1e-300)
