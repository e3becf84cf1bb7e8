"""Numbers of a table: fitted on training columns, bounded for any later value."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn

from ambidex.graph import Builder, Value, run_nodes
from ambidex.graph.op import Array
from ambidex.prep.number import CLIP_LIMIT, add_numbers, robust_scale

NAN = math.nan


def prepared(sample: Any, rows: Any) -> list[Array]:
    """The values that preparation fitted on `sample` makes of `rows`."""
    sample, rows = np.asarray(sample, dtype=np.float64), np.asarray(rows, dtype=np.float64)
    builder = Builder([Value(name="numbers", dtype="float64", shape=("B", sample.shape[1]))])
    names = add_numbers(builder, "numbers", sample)
    graph = builder.build(prepared=names, raw_outputs=[], outputs={})
    values = run_nodes(graph.prepare, {"numbers": rows}, {})
    return [values[name] for name in names]


def column(*values: float) -> Array:
    return np.array(values, dtype=np.float64)[:, None]


def test_missing_numbers_become_the_median_and_are_marked() -> None:
    sample = column(1, 2, 3, 100, NAN)
    values, marks = prepared(sample, column(NAN, 2.5, 1))
    assert values[:2].tolist() == [[0.0], [0.0]]
    assert values[2] < 0
    assert marks.tolist() == [[1.0], [0.0], [0.0]]


def test_only_columns_with_gaps_in_training_are_marked() -> None:
    sample = np.array([[1.0, 1.0, NAN], [2.0, 2.0, 1.0], [3.0, 3.0, 2.0]])
    rows = np.array([[NAN, 1.0, 1.0], [1.0, 1.0, NAN]])
    values, marks = prepared(sample, rows)
    assert values.shape == (2, 3)
    assert marks.tolist() == [[0.0], [1.0]]
    assert np.all(np.isfinite(values))
    assert len(prepared(sample[:, :2], rows[:, :2])) == 1


def test_the_scale_estimates_the_deviation_of_normal_numbers(rng: np.random.Generator) -> None:
    sample = rng.normal(50, 7, size=(20_000, 1))
    _, scale = robust_scale(sample, np.zeros(1))
    assert float(scale[0]) == pytest.approx(7, rel=0.03)


def test_an_outlier_does_not_set_the_scale() -> None:
    _, scale = robust_scale(column(*range(100), 1e9), np.zeros(1))
    assert scale[0] < 50


@pytest.mark.parametrize(
    ("values", "scale"),
    [
        ((0,) * 9 + (10,), 3.0),
        ((5, 5, 5), 1.0),
        ((NAN, NAN), 1.0),
        ((0, 0, 0, 0, 1e-200), 1.0),
        ((NAN, 0, 1.349), 1 / 2),
    ],
)
def test_columns_without_a_spread_in_the_middle_have_a_scale_too(values: tuple[float, ...], scale: float) -> None:
    assert robust_scale(column(*values), np.zeros(1))[1].tolist() == pytest.approx([scale])


@given(
    stn.arrays(np.float64, (6, 2), elements=st.one_of(st.just(NAN), st.floats(-(2.0**30), 2.0**30, width=32))),
    stn.arrays(np.float64, (4, 2), elements=st.one_of(st.just(NAN), st.floats(-1e100, 1e100))),
)
def test_no_row_leaves_the_bounds(sample: Any, rows: Any) -> None:
    values, *_ = prepared(sample, rows)
    assert np.all(np.abs(values) <= CLIP_LIMIT * (1 + 1e-12))


def test_ordinary_numbers_keep_their_distances(rng: np.random.Generator) -> None:
    sample = rng.normal(size=(500, 1))
    (values,) = prepared(sample, sample)
    middle = np.abs(sample[:, 0]) < 0.5
    assert np.corrcoef(sample[middle, 0], values[middle, 0])[0, 1] > 0.999
