from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import onnx
import pytest
from tests.export.onnx.edition import assert_close, load, normal, run, value, weights_of
from tests.export.onnx.models import draw_inputs, forecaster, random_graph, tabular
from tests.tolerances import FORWARD_DENSE, FORWARD_RECURRENT

from ambidex.errors import ArtifactError
from ambidex.export.onnx import check, export_onnx
from ambidex.graph import Builder, Graph, predict

GRAPHS = {"tabular": tabular(), "forecaster": forecaster()}


def proto(model: bytes) -> Any:
    return onnx.load_from_string(model)


@pytest.mark.parametrize("name", GRAPHS)
def test_raw_columns_become_decoded_answers(name: str, rng: np.random.Generator) -> None:
    graph = GRAPHS[name]
    weights = weights_of(graph, rng)
    model = export_onnx(graph, weights, metadata={})
    check(model)
    session = load(model)
    for batch, time in [(1, 6), (2, 30), (3, 6), (17, 30)]:
        inputs = draw_inputs(graph, rng, batch, time)
        got, wanted = run(session, inputs), predict(graph, inputs, weights)
        assert list(got) == list(graph.outputs)
        for output, expected in wanted.items():
            assert_close(got[output], expected, FORWARD_RECURRENT if name == "forecaster" else FORWARD_DENSE)


def test_a_batch_gives_each_row_its_own_answer(rng: np.random.Generator) -> None:
    """Rows do not see each other: the answers of a batch are those of its rows, one by one."""
    graph = GRAPHS["forecaster"]
    session = load(export_onnx(graph, weights_of(graph, rng), metadata={}))
    inputs = draw_inputs(graph, rng, 5, 9)
    together = run(session, inputs)
    for row in range(5):
        alone = run(session, {name: array[row : row + 1] for name, array in inputs.items()})
        for name, array in alone.items():
            assert_close(array[0], together[name][row], FORWARD_DENSE)


def test_no_rows_give_no_answers(rng: np.random.Generator) -> None:
    graph = GRAPHS["tabular"]
    answers = run(load(export_onnx(graph, weights_of(graph, rng), metadata={})), draw_inputs(graph, rng, 0, 0))
    # onnxruntime's ArgMax keeps the axis of an empty tensor, so that only the size of `y` is certain.
    assert answers["y_probabilities"].shape == (0, 3)
    assert answers["y"].size == 0


@pytest.mark.parametrize("number", range(12))
def test_random_graphs_agree_with_the_numpy_edition(number: int) -> None:
    rng = np.random.default_rng(number)
    graph = random_graph(rng)
    weights = weights_of(graph, rng)
    model = export_onnx(graph, weights, metadata={})
    check(model)
    session = load(model)
    for batch, time in [(1, 4), (2, 11), (17, 4)]:
        inputs = draw_inputs(graph, rng, batch, time)
        for name, expected in predict(graph, inputs, weights).items():
            assert_close(run(session, inputs)[name], expected, FORWARD_RECURRENT)


def test_equal_arguments_give_equal_bytes_in_every_process(rng: np.random.Generator) -> None:
    code = (
        "import hashlib, numpy as np\n"
        "from ambidex.export.onnx import export_onnx\n"
        "from tests.export.onnx.models import forecaster\n"
        "from tests.export.onnx.edition import weights_of\n"
        "graph = forecaster()\n"
        "model = export_onnx(graph, weights_of(graph, np.random.default_rng(1)), metadata={'b': '1', 'a': '2'})\n"
        "print(hashlib.sha256(model).hexdigest())\n"
    )
    paths = {"PYTHONPATH": os.pathsep.join(path or "." for path in sys.path)}
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, **paths, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


def test_the_order_of_weights_and_metadata_changes_nothing(rng: np.random.Generator) -> None:
    graph = GRAPHS["tabular"]
    weights = weights_of(graph, rng)
    shuffled = dict(reversed(weights.items()))
    assert export_onnx(graph, weights, metadata={"a": "1", "b": "2"}) == export_onnx(
        graph, shuffled, metadata={"b": "2", "a": "1"}
    )


def test_the_file_says_what_it_is(rng: np.random.Generator) -> None:
    graph = GRAPHS["forecaster"]
    model = proto(export_onnx(graph, weights_of(graph, rng), metadata={"unit": "°C"}))
    assert (model.ir_version, model.producer_name, model.producer_version) == (8, "ambidex", "")
    assert {opset.domain: opset.version for opset in model.opset_import} == {"": 17, "ai.onnx.ml": 3}
    assert {entry.key: entry.value for entry in model.metadata_props} == {"unit": "°C"}
    shapes = {
        port.name: [dim.dim_param or dim.dim_value for dim in port.type.tensor_type.shape.dim]
        for port in (*model.graph.input, *model.graph.output)
    }
    assert shapes == {
        "numbers": ["batch", "time", 3],
        "texts": ["batch", "time", 1],
        "times": ["batch", "time", 1],
        "future_numbers": ["batch", 4, 1],
        "static_texts": ["batch", 2],
        "price": ["batch", 4],
        "price_quantiles": ["batch", 4, 3],
    }


def test_every_weight_is_written_once_and_nothing_unused(rng: np.random.Generator) -> None:
    for graph in GRAPHS.values():
        model = proto(export_onnx(graph, weights_of(graph, rng), metadata={}))
        used = [name for node in model.graph.node for name in node.input]
        assert {tensor.name for tensor in model.graph.initializer} <= set(used)
        made = [name for node in model.graph.node for name in node.output if name]
        outputs = {output.name for output in model.graph.output}
        # What these operators cannot leave out: the positions of sorted values, a column that nobody reads.
        unread = {"quantiles/TopK_1", "codes/Split_1"}
        assert set(made) <= set(used) | outputs | unread
        contents = [tensor.SerializeToString() for tensor in model.graph.initializer]
        assert len(set(contents)) == len(contents)
        assert all(not tensor.external_data for tensor in model.graph.initializer)


def test_columns_are_read_without_joining_and_cutting_them(rng: np.random.Generator) -> None:
    builder = Builder([value("texts", "string", "B", 2)])
    codes = builder.add("prepare", "codes", "lookup", "texts", vocabularies=(("a",), ("b",)))
    one = builder.add("network", "one", "slice", codes, axis=-1, start=1, stop=2)
    vector = builder.add("network", "vector", "embedding", one, count=3, width=2)
    graph = builder.build(prepared=[codes], raw_outputs=[vector], outputs={"y": vector})
    nodes = proto(export_onnx(graph, weights_of(graph, rng), metadata={})).graph.node
    assert [node.op_type for node in nodes] == ["Split", "LabelEncoder", "Gather", "Cast"]


def test_a_single_column_may_be_cut_as_well(rng: np.random.Generator) -> None:
    builder = Builder([value("texts", "string", "B", 1)])
    codes = builder.add("prepare", "codes", "lookup", "texts", vocabularies=(("a",),))
    one = builder.add("network", "one", "slice", codes, axis=-1, start=0, stop=1)
    vector = builder.add("network", "vector", "embedding", one, count=3, width=2)
    graph = builder.build(prepared=[codes], raw_outputs=[vector], outputs={"y": vector})
    nodes = proto(export_onnx(graph, weights_of(graph, rng), metadata={})).graph.node
    assert [node.op_type for node in nodes] == ["LabelEncoder", "Gather", "Cast"]


def identity() -> Graph:
    return Builder([value("x", "float64", "B", 2)]).build(
        prepared=[], raw_outputs=[], outputs={"first": "x", "second": "x"}
    )


def test_an_output_may_be_an_input_and_have_two_names() -> None:
    x = np.array([[1.0, np.nan]])
    answers = run(load(export_onnx(identity(), {}, metadata={})), {"x": x})
    for name in ("first", "second"):
        np.testing.assert_array_equal(answers[name], x)


def test_an_output_with_the_name_of_an_input_or_a_node_is_still_its_own(rng: np.random.Generator) -> None:
    builder = Builder([value("x", "float64", "B", 2)])
    doubled = builder.add("prepare", "doubled", "add", "x", "x")
    inverse = builder.add("prepare", "inverse", "sub", "x", doubled)
    graph = builder.build(
        prepared=[], raw_outputs=[], outputs={"doubled": inverse, "x": doubled, "x_predicted": inverse}
    )
    answers = run(load(export_onnx(graph, {}, metadata={})), {"x": np.array([[1.0, 2.0]])})
    assert {name: array.tolist() for name, array in answers.items()} == {
        "doubled": [[-1.0, -2.0]],
        "x_predicted_predicted": [[2.0, 4.0]],
        "x_predicted": [[-1.0, -2.0]],
    }


def test_a_prepared_value_that_is_float64_is_cut_to_float32(rng: np.random.Generator) -> None:
    builder = Builder([value("x", "float64", "B", 2)])
    head = builder.add("network", "head", "dense", "x", units=1)
    graph = builder.build(prepared=["x"], raw_outputs=[head], outputs={"y": head})
    weights = weights_of(graph, rng)
    x = normal(rng, (4, 2))
    answers = run(load(export_onnx(graph, weights, metadata={})), {"x": x})
    assert_close(answers["y"], predict(graph, {"x": x}, weights)["y"], FORWARD_DENSE)


def test_weights_that_do_not_fit_are_refused(rng: np.random.Generator) -> None:
    graph = GRAPHS["tabular"]
    weights = weights_of(graph, rng)
    for wrong, got in (
        ({}, "none"),
        ({"hidden.bias": np.zeros(3, dtype=np.float32)}, r"float32 \(3,\)"),
        ({"hidden.bias": np.zeros(8)}, r"float64 \(8,\)"),
    ):
        rest = {name: weight for name, weight in weights.items() if name != "hidden.bias"}
        expected = rf"Expected a float32 weight 'hidden.bias' of shape \(8,\), got {got}\."
        with pytest.raises(ArtifactError, match=expected):
            export_onnx(graph, {**rest, **wrong}, metadata={})


def test_a_damaged_model_is_refused(rng: np.random.Generator) -> None:
    graph = GRAPHS["tabular"]
    model = proto(export_onnx(graph, weights_of(graph, rng), metadata={}))
    model.graph.node[0].op_type = "NoSuchOperator"
    with pytest.raises(ArtifactError, match="Expected a valid ONNX model, got: "):
        check(model.SerializeToString())
    with pytest.raises(ArtifactError, match="Expected a valid ONNX model, got: "):
        check(b"\xff\xfe no model")
