from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from ambidex.data.frames import table_from
from ambidex.errors import AmbidexError, ArtifactError, InputFileError
from ambidex.ingest.foreign import ModelRefusedError, Wanted
from ambidex.ingest.onnx_file import read_onnx
from ambidex.workflow.ingest import import_foreign

WEIGHTS = np.random.default_rng(0).normal(size=(2, 3)).astype(np.float32)


def save(path: Path, nodes: list[Any], inputs: list[Any], outputs: list[Any], *, opset: int = 17) -> Path:
    graph = helper.make_graph(nodes, "g", inputs, outputs, [numpy_helper.from_array(WEIGHTS, "w")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


def value(name: str, *shape: int | str, dtype: int = TensorProto.FLOAT) -> Any:
    return helper.make_tensor_value_info(name, dtype, list(shape))


def softmax(path: Path) -> Path:
    nodes = [helper.make_node("MatMul", ["x", "w"], ["l"]), helper.make_node("Softmax", ["l"], ["p"], axis=1)]
    return save(path, nodes, [value("x", "N", 2)], [value("p", "N", 3)])


def test_probabilities_become_a_classifier_with_the_labels_given(tmp_path: Path) -> None:
    foreign = read_onnx(softmax(tmp_path / "m.onnx"), Wanted(classes=("a", "b", "c")))
    done = import_foreign(foreign, None, target="kind")
    rows = {"x0": [0.5, -2.0], "x1": [1.0, 3.0]}
    logits = np.array([[0.5, 1.0], [-2.0, 3.0]], np.float32) @ WEIGHTS
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(done.artifact.predict_proba(rows), shares, atol=1e-6)
    assert list(done.artifact.predict(rows)) == [("a", "b", "c")[index] for index in shares.argmax(axis=1)]


def with_metadata(path: Path, **entries: str) -> Path:
    model = onnx.ModelProto.FromString(path.read_bytes())
    helper.set_model_props(model, entries)
    path.write_bytes(model.SerializeToString())
    return path


def test_labels_in_the_metadata_need_not_be_given(tmp_path: Path) -> None:
    path = with_metadata(softmax(tmp_path / "m.onnx"), task="multiclass", **{"classes:kind": '["a","b","c"]'})
    assert read_onnx(path, Wanted()).classes == ("a", "b", "c")
    assert read_onnx(path, Wanted(classes=("a", "b", "c"))).classes == ("a", "b", "c")
    with pytest.raises(ModelRefusedError, match="Expected the labels of the file, a,b,c, got c,b,a at --classes"):
        read_onnx(path, Wanted(classes=("c", "b", "a")))


@pytest.mark.parametrize(
    "entries",
    [{"classes:kind": "a,b,c"}, {"classes:kind": "[1.5,2,3]"}, {"classes:p": "[0,1,2]", "classes:q": "[0,1]"}],
)
def test_metadata_that_names_no_labels_is_passed_over(tmp_path: Path, entries: dict[str, str]) -> None:
    path = with_metadata(softmax(tmp_path / "m.onnx"), **entries)
    assert read_onnx(path, Wanted(classes=("x", "y", "z"))).classes == ("x", "y", "z")
    with pytest.raises(ModelRefusedError, match="or the names of its classes"):
        read_onnx(path, Wanted())


def test_an_input_per_column_keeps_its_name(tmp_path: Path) -> None:
    nodes = [helper.make_node("Add", ["width", "height"], ["sum"])]
    path = save(tmp_path / "m.onnx", nodes, [value("width", "N", 1), value("height", "N", 1)], [value("sum", "N", 1)])
    rows = {"height": [1.0, 2.0, 5.5], "width": [0.25, -3.0, 1.0], "other": ["x", "y", "z"]}
    done = import_foreign(read_onnx(path, Wanted()), table_from(rows), target="total")
    np.testing.assert_allclose(done.artifact.predict(rows), [1.25, -1.0, 6.5])


def test_names_inside_may_be_those_of_an_artifact(tmp_path: Path) -> None:
    nodes = [helper.make_node("Identity", ["numbers"], ["prediction"])]
    path = save(tmp_path / "m.onnx", nodes, [value("numbers", "N", 1)], [value("prediction", "N", 1)])
    done = import_foreign(read_onnx(path, Wanted()), None, target="prediction")
    np.testing.assert_allclose(done.artifact.predict({"numbers": [1.5, 2.0]}), [1.5, 2.0])


def test_a_subgraph_is_refused(tmp_path: Path) -> None:
    empty = helper.make_graph([], "e", [], [value("y", "N", 1)])
    node = helper.make_node("If", ["c"], ["y"], then_branch=empty, else_branch=empty)
    path = save(tmp_path / "m.onnx", [node], [value("c", 1, dtype=TensorProto.BOOL)], [value("y", "N", 1)])
    with pytest.raises(ArtifactError, match="a subgraph"):
        read_onnx(path, Wanted())


def test_weights_outside_the_file_are_refused(tmp_path: Path) -> None:
    outside = numpy_helper.from_array(WEIGHTS, "w")
    outside.ClearField("raw_data")
    outside.data_location = TensorProto.EXTERNAL
    outside.external_data.add(key="location", value="../../etc/passwd")
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    graph = helper.make_graph([node], "g", [value("x", "N", 2)], [value("y", "N", 3)], [outside])
    path = tmp_path / "m.onnx"
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ArtifactError, match="external data"):
        read_onnx(path, Wanted(classes=("a", "b", "c")))


@pytest.mark.parametrize(
    ("inputs", "outputs", "says"),
    [
        ([value("x", "N", 3, 8, 8)], [value("y", "N", 1)], "got 'x' of type FLOAT with 4 dimensions"),
        ([value("x", 4, 2)], [value("y", 4, 1)], "Expected a free batch, got 4 rows only"),
        ([value("x", "N", "F")], [value("y", "N", 1)], "Expected a known number of columns"),
        ([value("x", "N", 2)], [value("y", "N", 3)], "or the names of its classes, got 3 values a row"),
    ],
)
def test_a_model_of_something_else_than_columns_is_refused(
    tmp_path: Path, inputs: list[Any], outputs: list[Any], says: str
) -> None:
    path = save(tmp_path / "m.onnx", [helper.make_node("Identity", ["x"], ["y"])], inputs, outputs)
    with pytest.raises(ModelRefusedError) as caught:
        read_onnx(path, Wanted())
    assert says in caught.value.message


def test_an_old_operator_set_is_refused_with_advice(tmp_path: Path) -> None:
    nodes = [helper.make_node("MatMul", ["x", "w"], ["l"]), helper.make_node("ReduceSum", ["l"], ["y"], axes=[1])]
    path = save(tmp_path / "m.onnx", nodes, [value("x", "N", 2)], [value("y", "N", 1)], opset=11)
    with pytest.raises(AmbidexError, match=r"another operator set|newer opset"):
        import_foreign(read_onnx(path, Wanted()), None, target="y")


def test_other_bytes_are_no_onnx(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(b"age,income\n1,2\n")
    with pytest.raises(InputFileError, match="Expected an ONNX model, got other bytes"):
        read_onnx(path, Wanted())
