"""Small ONNX models for the tests of the runtime and of the artifact, built with the onnx package."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

DTYPES = {
    "float64": TensorProto.DOUBLE,
    "float32": TensorProto.FLOAT,
    "int64": TensorProto.INT64,
    "bool": TensorProto.BOOL,
    "string": TensorProto.STRING,
}

Io = tuple[str, str, Sequence[str | int]]


def model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[Io],
    outputs: Sequence[Io],
    *,
    constants: dict[str, np.ndarray] | None = None,
    metadata: dict[str, str] | None = None,
) -> bytes:
    """A serialized model of the nodes."""
    graph = helper.make_graph(
        list(nodes),
        "test",
        [helper.make_tensor_value_info(name, DTYPES[dtype], list(shape)) for name, dtype, shape in inputs],
        [helper.make_tensor_value_info(name, DTYPES[dtype], list(shape)) for name, dtype, shape in outputs],
        [numpy_helper.from_array(value, name) for name, value in (constants or {}).items()],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    proto = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    helper.set_model_props(proto, metadata or {})
    onnx.checker.check_model(proto)
    content: bytes = proto.SerializeToString()
    return content


def echo(dtype: str) -> bytes:
    """A model that answers its input."""
    return model([helper.make_node("Identity", ["x"], ["y"])], [("x", dtype, ["B", "N"])], [("y", dtype, ["B", "N"])])


def mixed() -> bytes:
    """Numbers and texts in, a probability and a label out: the shape of a tabular model."""
    rng = np.random.default_rng(0)
    nodes = [
        helper.make_node("Cast", ["numbers"], ["x"], to=TensorProto.FLOAT),
        helper.make_node(
            "LabelEncoder",
            ["texts"],
            ["ids"],
            domain="ai.onnx.ml",
            keys_strings=["a", "b", "é"],
            values_int64s=[2, 3, 4],
            default_int64=1,
        ),
        helper.make_node("Gather", ["embedding", "ids"], ["e"]),
        helper.make_node("Reshape", ["e", "flat"], ["ef"]),
        helper.make_node("Concat", ["x", "ef"], ["z"], axis=1),
        helper.make_node("MatMul", ["z", "kernel"], ["o"]),
        helper.make_node("Sigmoid", ["o"], ["p"]),
        helper.make_node("Greater", ["p", "half"], ["g"]),
        helper.make_node("Cast", ["g"], ["gi"], to=TensorProto.INT64),
        helper.make_node(
            "LabelEncoder",
            ["gi"],
            ["label"],
            domain="ai.onnx.ml",
            keys_int64s=[0, 1],
            values_strings=["<=50K", ">50K €"],
            default_string="?",
        ),
    ]
    constants = {
        "embedding": rng.normal(size=(5, 4)).astype("float32"),
        "flat": np.array([-1, 8], "int64"),
        "kernel": rng.normal(size=(3 + 8, 1)).astype("float32"),
        "half": np.array(0.5, "float32"),
    }
    return model(
        nodes,
        [("numbers", "float64", ["B", 3]), ("texts", "string", ["B", 2])],
        [("p", "float32", ["B", 1]), ("label", "string", ["B", 1])],
        constants=constants,
        metadata={"unit": "käse", "classes": "[]"},
    )
