from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.export.onnx.edition import Array, assert_same, normal, one_op, value, with_missing
from tests.tolerances import SAME_FLOAT64

from ambidex.graph import Builder

WINDOW = value("x", "float64", "B", "T", 3)
STEPS = value("steps", "float64", "B", 4, 3)
CASES: list[tuple[str, list[Any], dict[str, Any], float]] = [
    ("difference", [WINDOW], {}, 0),
    ("undifference", [STEPS, WINDOW], {}, 0),
    ("log_ratio", [WINDOW], {"floor": (1.0, 1e-3, 50.0)}, SAME_FLOAT64),
    ("unlog_ratio", [STEPS, WINDOW], {"floor": (1.0, 0.1, 50.0)}, SAME_FLOAT64),
    ("window_last", [WINDOW], {}, 0),
    ("window_mean", [WINDOW], {}, SAME_FLOAT64),
    ("window_scale", [WINDOW], {"minimum": 1e-6}, SAME_FLOAT64),
    ("window_scale", [WINDOW], {"minimum": 3.0}, SAME_FLOAT64),
    ("fill_steps", [WINDOW], {}, 0),
    ("fold", [WINDOW], {"channels": 3}, 0),
    ("sort", [WINDOW], {}, 0),
    ("sort", [value("x", "float64", "B", 4, 3, 9)], {}, 0),
]


@pytest.mark.parametrize(("op", "inputs", "attrs", "tolerance"), CASES)
def test_windows_are_the_numpy_edition(
    op: str, inputs: list[Any], attrs: dict[str, Any], tolerance: float, rng: np.random.Generator
) -> None:
    assert_same(one_op(op, *inputs, **attrs), normal, rng, tolerance)


def with_zeros(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Prices that are ordinary, zero, negative, tiny and huge."""
    return rng.choice([0.0, -0.0, -3.5, 1e-12, -1e-9, 0.1, 117.25, 1e9], shape)


def test_log_ratios_of_zero_and_negative_values_are_finite(rng: np.random.Generator) -> None:
    assert_same(one_op("log_ratio", WINDOW, floor=(1.0, 1e-3, 50.0)), with_zeros, rng, SAME_FLOAT64)


def test_log_ratios_and_their_inverse_meet(rng: np.random.Generator) -> None:
    builder = Builder([WINDOW])
    first = builder.add("prepare", "first", "slice", "x", axis=1, start=-1)
    floor = (1.0, 0.1, 50.0)
    ratios = builder.add("prepare", "ratios", "log_ratio", "x", floor=floor)
    last = builder.add("prepare", "last", "unlog_ratio", ratios, first, floor=floor)
    assert_same(builder.build(prepared=[], raw_outputs=[], outputs={"y": last}), normal, rng, 1e-11)


@pytest.mark.parametrize(
    ("op", "attrs"),
    [
        ("difference", {}),
        ("window_mean", {}),
        ("window_scale", {"minimum": 0.1}),
        ("log_ratio", {"floor": (1.0, 1.0, 1.0)}),
    ],
)
def test_missing_values_stay_missing(op: str, attrs: dict[str, Any], rng: np.random.Generator) -> None:
    assert_same(one_op(op, WINDOW, **attrs), with_missing, rng, SAME_FLOAT64)


@pytest.mark.parametrize("share", [0.05, 0.35, 0.8, 0.97, 1.0])
def test_gaps_are_filled_wherever_they_are(share: float, rng: np.random.Generator) -> None:
    def gaps(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return np.where(rng.random(shape) < share, np.nan, rng.normal(0, 3, shape))

    for _ in range(5):
        assert_same(one_op("fill_steps", WINDOW), gaps, rng, 0)


def test_folding_and_unfolding_are_inverse(rng: np.random.Generator) -> None:
    for entry in (WINDOW, value("x", "float64", "B", 4, 3)):
        builder = Builder([entry])
        folded = builder.add("prepare", "folded", "fold", "x", channels=3)
        unfolded = builder.add("prepare", "unfolded", "unfold", folded, channels=3)
        graph = builder.build(prepared=[], raw_outputs=[], outputs={"folded": folded, "x_again": unfolded})
        assert_same(graph, normal, rng, 0)
