from __future__ import annotations

import contextlib
from collections.abc import Callable

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from tests.runtime.models import mixed

from ambidex.artifact.onnx_reader import check_model
from ambidex.errors import ArtifactError

GOOD = mixed()


def changed(change: Callable[[onnx.ModelProto], object]) -> bytes:
    proto = onnx.load_from_string(GOOD)
    change(proto)
    content: bytes = proto.SerializeToString()
    return content


def empty_graph() -> onnx.GraphProto:
    return helper.make_graph([], "inner", [], [])


def external(proto: onnx.ModelProto) -> None:
    tensor = proto.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/passwd")


def external_without_flag(proto: onnx.ModelProto) -> None:
    proto.graph.initializer[0].external_data.add(key="location", value="weights.bin")


def external_flag_only(proto: onnx.ModelProto) -> None:
    proto.graph.initializer[0].data_location = TensorProto.EXTERNAL


def external_in_constant(proto: onnx.ModelProto) -> None:
    tensor = numpy_helper.from_array(np.zeros(1, "float32"), "hidden")
    tensor.external_data.add(key="location", value="/etc/shadow")
    proto.graph.node.append(helper.make_node("Constant", [], ["hidden"], value=tensor))


def with_node(op: str, *, domain: str = "") -> Callable[[onnx.ModelProto], None]:
    return lambda proto: proto.graph.node.append(helper.make_node(op, ["x"], ["hidden"], domain=domain))


def with_attribute(name: str, value: object) -> Callable[[onnx.ModelProto], None]:
    return lambda proto: proto.graph.node[0].attribute.append(helper.make_attribute(name, value))


def bomb(proto: onnx.ModelProto) -> None:
    proto.graph.initializer[0].dims[:] = [2**40, 2**40]


def opset(domain: str, version: int) -> Callable[[onnx.ModelProto], None]:
    def change(proto: onnx.ModelProto) -> None:
        kept = [entry for entry in proto.opset_import if entry.domain != domain]
        del proto.opset_import[:]
        proto.opset_import.extend([*kept, helper.make_opsetid(domain, version)])

    return change


def test_a_model_of_ours_passes() -> None:
    check_model(GOOD)


@pytest.mark.parametrize("packing", ["raw", "typed"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int64", "int32", "bool"])
def test_constants_of_every_type_pass(dtype: str, packing: str) -> None:
    array = np.arange(-3, 3).astype(dtype).reshape(2, 3)
    if packing == "raw":
        tensor = numpy_helper.from_array(array, "c")
    else:
        kind = helper.np_dtype_to_tensor_dtype(array.dtype)
        tensor = helper.make_tensor("c", kind, array.shape, array.ravel().tolist())
    check_model(changed(lambda proto: proto.graph.initializer.append(tensor)))


def test_texts_and_scalars_pass() -> None:
    texts = TensorProto(name="c", data_type=TensorProto.STRING, dims=[2], string_data=[b"a", "é".encode()])
    scalar = numpy_helper.from_array(np.array(3, "float32"), "d")
    check_model(changed(lambda proto: proto.graph.initializer.extend([texts, scalar])))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "another IR version"),
        (b"\x80\x04\x95 a pickle, not a model", "an unknown field"),
        (GOOD[:-1], "no ONNX model"),
        (changed(external), "external data"),
        (changed(external_without_flag), "external data"),
        (changed(external_flag_only), "external data"),
        (changed(external_in_constant), "external data"),
        (changed(with_node("NonZero")), "an operator that is not allowed"),
        (changed(with_node("Loop")), "an operator that is not allowed"),
        (changed(with_node("Scan")), "an operator that is not allowed"),
        (changed(with_node("TreeEnsemble", domain="ai.onnx.ml")), "an operator that is not allowed"),
        (changed(with_node("FusedMatMul", domain="com.microsoft")), "an unknown domain"),
        (changed(with_node("PyOp", domain="ai.onnx.contrib")), "an unknown domain"),
        (changed(with_attribute("then_branch", empty_graph())), "a subgraph"),
        (changed(with_attribute("branches", [empty_graph()])), "subgraphs"),
        (
            changed(lambda p: p.functions.append(onnx.FunctionProto(name="f", domain="local"))),
            "functions",
        ),
        (changed(lambda p: p.training_info.append(onnx.TrainingInfoProto())), "training information"),
        (changed(lambda p: p.graph.sparse_initializer.append(onnx.SparseTensorProto())), "sparse tensors"),
        (changed(lambda p: setattr(p, "ir_version", 12)), "another IR version"),
        (changed(lambda p: setattr(p, "ir_version", 6)), "another IR version"),
        (changed(opset("", 12)), "another operator set"),
        (changed(opset("", 24)), "another operator set"),
        (changed(opset("ai.onnx.ml", 6)), "another operator set"),
        (changed(opset("com.microsoft", 1)), "an unknown domain"),
        (changed(lambda p: p.opset_import.append(helper.make_opsetid("ai.onnx", 18))), "a repeated domain"),
        (changed(bomb), "a shape mismatch"),
        (changed(lambda p: p.graph.initializer[0].dims.append(-1)), "a negative size"),
        (changed(lambda p: p.graph.initializer.append(TensorProto(data_type=16, dims=[0]))), "a tensor type"),
        (changed(lambda p: helper.set_model_props(p, {"ort_config": "{}"})), "settings for the runtime"),
        (GOOD + b"\xfa\x7f\x00", "an unknown field"),
        (GOOD + b"\x0b", "no ONNX model"),
        (GOOD + b"\x0a\x00", "a field of another type"),
        (GOOD + GOOD, "a repeated"),
        (GOOD + b"\x12" + b"\xff" * 9 + b"\x01", "no ONNX model"),
        (GOOD + b"\xff" * 11, "no ONNX model"),
    ],
)
def test_anything_else_is_refused_with_the_reason(content: bytes, reason: str) -> None:
    with pytest.raises(ArtifactError) as caught:
        check_model(content)
    assert f"Refused, {reason}" in str(caught.value)


def test_a_domain_must_have_a_version() -> None:
    def forget(proto: onnx.ModelProto) -> None:
        del proto.opset_import[1]

    with pytest.raises(ArtifactError, match="a domain without a version"):
        check_model(changed(forget))


def test_a_narrower_list_of_operators_can_be_given() -> None:
    with pytest.raises(ArtifactError, match="an operator that is not allowed"):
        check_model(GOOD, allowed={"": frozenset({"Cast"}), "ai.onnx.ml": frozenset()})


@given(st.data())
def test_damage_never_crashes_the_reader(data: st.DataObject) -> None:
    content = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ArtifactError):
        check_model(bytes(content))
