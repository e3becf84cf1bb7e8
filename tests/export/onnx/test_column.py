from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.export.onnx.edition import Array, load, one_op, run, value, weights_of
from tests.export.onnx.models import draw_inputs, forecaster, layouts, tabular

from ambidex.errors import UsageError
from ambidex.export.onnx import check, export_onnx
from ambidex.graph import Builder, Graph
from ambidex.schema import Column, Layout


def by_column(packed: dict[str, Array], found: list[Layout]) -> dict[str, Array]:
    """Packed inputs as one array per column."""
    return {
        ("future_" if layout.span == "future" else "") + column.name: np.ascontiguousarray(
            packed[layout.name][..., position]
        )
        for layout in found
        for position, column in enumerate(layout.columns)
    }


@pytest.mark.parametrize("graph", [tabular(), forecaster()], ids=["rows", "series"])
def test_one_input_per_column_gives_identical_answers(graph: Graph, rng: np.random.Generator) -> None:
    weights = weights_of(graph, rng)
    found = layouts(graph)
    unpacked = export_onnx(graph, weights, metadata={}, layouts=found)
    check(unpacked)
    packed, apart = load(export_onnx(graph, weights, metadata={})), load(unpacked)
    for batch, time in [(1, 6), (3, 20), (17, 6)]:
        inputs = draw_inputs(graph, rng, batch, time)
        one, other = run(packed, inputs), run(apart, by_column(inputs, found))
        for (_, a), (_, b) in zip(one.items(), other.items(), strict=True):
            np.testing.assert_array_equal(a, b)


def test_columns_have_their_own_names_and_shapes() -> None:
    graph = forecaster()
    weights = weights_of(graph, np.random.default_rng(0))
    session = load(export_onnx(graph, weights, metadata={}, layouts=layouts(graph)))
    assert [(entry.name, entry.type, entry.shape) for entry in session.get_inputs()] == [
        ("price", "tensor(double)", ["batch", "time"]),
        ("price:1", "tensor(double)", ["batch", "time"]),
        ("price:2", "tensor(double)", ["batch", "time"]),
        (" texts é/", "tensor(string)", ["batch", "time"]),
        (" times é/", "tensor(int64)", ["batch", "time"]),
        ("future_price", "tensor(double)", ["batch", 4]),
        ("static texts é/", "tensor(string)", ["batch"]),
        ("static texts é/:1", "tensor(string)", ["batch"]),
    ]
    # The target's history took the name of its forecast.
    assert [entry.name for entry in session.get_outputs()] == ["price_predicted", "price_quantiles"]


@pytest.mark.parametrize("is_packed", [True, False])
def test_float32_inputs_are_widened(is_packed: bool, rng: np.random.Generator) -> None:
    graph = tabular()
    weights = weights_of(graph, rng)
    found = layouts(graph)
    inputs = draw_inputs(graph, rng, 4, 0)
    inputs["numbers"] = inputs["numbers"].astype(np.float32).astype(np.float64)
    wanted = run(load(export_onnx(graph, weights, metadata={})), inputs)
    narrow = {**inputs, "numbers": inputs["numbers"].astype(np.float32)}
    feeds = narrow if is_packed else by_column(narrow, found)
    model = export_onnx(graph, weights, metadata={}, layouts=None if is_packed else found, float32_inputs=True)
    for name, array in run(load(model), feeds).items():
        np.testing.assert_array_equal(array, wanted[name])


def layout(*names: str, group: str = "numbers") -> Layout:
    return Layout(name=group, span="row", columns=tuple(Column(name=name, kind="number") for name in names))


REMEDY = "Rename the column, or keep the columns packed."


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ([], "Expected a layout of 2 columns for input 'numbers', got none."),
        ([layout("a")], "Expected a layout of 2 columns for input 'numbers', got one of 1 columns."),
        (
            [layout("a", "a")],
            f"Expected a name of its own for each column's input, got 'a'. {REMEDY}",
        ),
        (
            [layout("a", "")],
            f"Expected a name of its own for each column's input, got ''. {REMEDY}",
        ),
    ],
)
def test_columns_that_cannot_be_inputs_are_refused(found: list[Layout], message: str) -> None:
    with pytest.raises(UsageError) as error:
        export_onnx(one_op("is_missing", value("numbers", "float64", "B", 2)), {}, metadata={}, layouts=found)
    assert str(error.value) == message


def test_columns_may_be_named_like_nodes_and_constants() -> None:
    builder = Builder([value("numbers", "float64", "B", 3)])
    filled = builder.add("prepare", "filled", "impute", "numbers", fill=(0.0, 1.0, 2.0))
    graph = builder.build(prepared=[], raw_outputs=[], outputs={"constant_1": filled})
    found: list[Any] = [layout("filled", "constant", "numbers")]
    model = export_onnx(graph, {}, metadata={}, layouts=found)
    check(model)
    nan = np.array([np.nan])
    answers = run(load(model), {"filled": nan, "constant": nan, "numbers": np.array([5.0])})
    assert answers["constant_1"].tolist() == [[0.0, 1.0, 5.0]]
