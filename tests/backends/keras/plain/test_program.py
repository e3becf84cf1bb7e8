"""Whole graphs, and the values on which preparation is most easily wrong."""

from __future__ import annotations

import numpy as np
import pytest
from tests.backends.keras.plain.edition import assert_same, run, traced
from tests.export.onnx.edition import Array, assert_close, one_of, one_op, value, weights_of, with_missing
from tests.export.onnx.models import TEXTS, draw_inputs, forecaster, random_graph, tabular
from tests.export.onnx.ops.test_time import STAMPS
from tests.tolerances import FORWARD_DENSE, FORWARD_RECURRENT, SAME_FLOAT64

from ambidex.backends.keras.plain.program import Program
from ambidex.errors import ArtifactError
from ambidex.graph import Graph, predict
from ambidex.graph.ops.time import DAY_US, PARTS

pytestmark = pytest.mark.tensorflow


WHOLE = tuple(part for part in PARTS if part != "days_since_epoch")
STAMPED = value("x", "int64", "B", "T", 2)


def test_calendar_parts_are_exact(rng: np.random.Generator) -> None:
    assert_same(one_op("calendar", STAMPED, parts=WHOLE), one_of(STAMPS), rng, 0)


def test_days_since_1970_keep_their_fraction(rng: np.random.Generator) -> None:
    """TensorFlow turns a division by a constant into a product with its inverse, which rounds once more."""
    assert_same(one_op("calendar", STAMPED, parts=("days_since_epoch",)), one_of(STAMPS), rng, SAME_FLOAT64)


def test_every_third_day_of_eight_centuries_is_exact() -> None:
    graph = one_op("calendar", value("x", "int64", "B", 1), parts=WHOLE)
    days = np.arange(-146097, 146097 + 1, 3, dtype=np.int64)[:, None] * DAY_US + 3_600_000_001
    got, wanted = run(traced(graph, {}), {"x": days}), predict(graph, {"x": days}, {})
    np.testing.assert_array_equal(got["answer"], wanted["answer"])


def test_a_cycle_repeats_before_1970_too(rng: np.random.Generator) -> None:
    table = tuple((float(k), -k / 3) for k in range(7))
    assert_same(one_op("cycle", value("x", "int64", "B", "T", 1), step_us=DAY_US, table=table), one_of(STAMPS), rng, 0)


@pytest.mark.parametrize("share", [0.05, 0.35, 0.97, 1.0])
def test_gaps_are_filled_wherever_they_are(share: float, rng: np.random.Generator) -> None:
    def gaps(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return np.where(rng.random(shape) < share, np.nan, rng.normal(0, 3, shape))

    assert_same(one_op("fill_steps", value("x", "float64", "B", "T", 3)), gaps, rng, 0)


@pytest.mark.parametrize("op", ["window_scale", "window_mean", "difference"])
def test_missing_values_stay_missing(op: str, rng: np.random.Generator) -> None:
    attrs = {"minimum": 0.1} if op == "window_scale" else {}
    assert_same(one_op(op, value("x", "float64", "B", "T", 3), **attrs), with_missing, rng, SAME_FLOAT64)


def test_texts_are_found_byte_by_byte(rng: np.random.Generator) -> None:
    graph = one_op("lookup", value("x", "string", "B", "T", 2), vocabularies=(("red", "grün", "赤"), ()))
    assert_same(graph, one_of([*TEXTS, "RED", " red", "red\0"]), rng, 0)


@pytest.mark.parametrize(("graph", "tolerance"), [(tabular(), FORWARD_DENSE), (forecaster(), FORWARD_RECURRENT)])
def test_raw_columns_become_decoded_answers(graph: Graph, tolerance: float, rng: np.random.Generator) -> None:
    weights = weights_of(graph, rng)
    function = traced(graph, weights)
    for batch, time in [(1, 6), (17, 30)]:
        inputs = draw_inputs(graph, rng, batch, time)
        got, wanted = run(function, inputs), predict(graph, inputs, weights)
        assert list(got) == list(graph.outputs)
        for name, expected in wanted.items():
            assert_close(got[name], expected, tolerance)


def test_no_rows_give_no_answers(rng: np.random.Generator) -> None:
    answers = run(traced(tabular(), weights_of(tabular(), rng)), draw_inputs(tabular(), rng, 0, 0))
    assert {name: array.shape for name, array in answers.items()} == {"y": (0,), "y_probabilities": (0, 3)}


@pytest.mark.parametrize("number", range(4))
def test_random_graphs_agree_with_the_numpy_edition(number: int) -> None:
    rng = np.random.default_rng(number)
    graph = random_graph(rng)
    weights = weights_of(graph, rng)
    function = traced(graph, weights)
    for batch, time in [(1, 4), (17, 11)]:
        inputs = draw_inputs(graph, rng, batch, time)
        for name, expected in predict(graph, inputs, weights).items():
            assert_close(run(function, inputs)[name], expected, FORWARD_RECURRENT)


@pytest.mark.parametrize("change", [lambda a: a[:-1], lambda a: a.astype(np.float64), None])
def test_weights_that_do_not_fit_are_refused(change: object, rng: np.random.Generator) -> None:
    weights = dict(weights_of(tabular(), rng))
    kernel = weights.pop("hidden.kernel")
    if callable(change):
        weights["hidden.kernel"] = change(kernel)
    with pytest.raises(ArtifactError, match=r"^Expected a float32 weight 'hidden.kernel' of shape \(13, 8\), got"):
        Program(tabular(), weights)
