"""Targets whose names the packed graph uses itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from onnx import TensorProto, helper

from ambidex.schema import Column, Schema, Target, Task
from tests.server.models import Output, constant, graph, write_model
from tests.server.running import running


def test_a_target_named_as_an_input_is_served_under_its_name(tmp_path: Path) -> None:
    schema = Schema(
        columns=(Column(name="rooms", kind="number"), Column(name="numbers", kind="number", role="target")),
        task=Task(kind="regression", targets=(Target(name="numbers"),)),
    )
    nodes = [helper.make_node("ReduceSum", ["numbers", "axis"], ["numbers_predicted"], keepdims=0)]
    outputs: list[Output] = [("numbers_predicted", TensorProto.DOUBLE, ["B"])]
    write_model(tmp_path / "sum.ambidex", schema, graph(schema, nodes, [constant("axis", [1], np.int64)], outputs))
    with running([tmp_path]) as server:
        answer = server.post("/models/sum/predict", {"rows": [{"rooms": 4}]})
        assert answer.json == {"predictions": [{"numbers": 4.0}]}
        tensor = {"name": "rooms", "shape": [1], "datatype": "FP64", "data": [4]}
        told = server.post("/v2/models/sum/infer", {"inputs": [tensor]}).json["outputs"]
        assert [(one["name"], one["data"]) for one in told] == [("numbers", [4.0])]
