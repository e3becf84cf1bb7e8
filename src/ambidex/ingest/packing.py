"""Puts a converted model behind the inputs and outputs of an artifact: packed columns in, named answers out."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, compose, helper, numpy_helper

from ambidex.errors import expected
from ambidex.ingest.foreign import Kinds, ModelRefusedError
from ambidex.schema import Target

PREFIX = "model/"
"""Before every name inside, so that none meets a column's or a target's."""
OPSET, ML_OPSET, IR_VERSION = 17, 3, 8
OLDEST = 13
_STEADY = frozenset(
    {"Add", "Cast", "Concat", "Div", "Exp", "Gather", "Identity", "MatMul", "Mul", "Neg", "Reshape", "Sigmoid", "Sub"}
)
_NUMBERS = frozenset({TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.INT64, TensorProto.INT32, TensorProto.BOOL})


def pack_model(model: Any, kinds: Kinds, target: Target) -> bytes:
    """The packed graph: `numbers` float64 (B, n) and `texts` (B, m) in; label and probabilities, or a value, out.

    Raises `ModelRefusedError` where inputs or outputs have another form.
    """
    inner = compose.add_prefix(_without_initializers_as_inputs(model), PREFIX)
    graph = inner.graph
    writer = _Writer(kinds)
    for value in graph.input:
        writer.feed(value, len(graph.input))
    answers = _answers(graph, target)
    packed = helper.make_graph(
        [*writer.before, *graph.node, *answers],
        "imported",
        writer.inputs(),
        _outputs(target),
        [*writer.constants, *graph.initializer, *_shapes()],
    )
    made = helper.make_model(packed, opset_imports=_opsets(inner), ir_version=IR_VERSION)
    made.producer_name = "ambidex"
    raw: bytes = made.SerializeToString()
    return raw


def _without_initializers_as_inputs(model: Any) -> Any:
    """Older files list their weights among the inputs."""
    weights = {tensor.name for tensor in model.graph.initializer}
    kept = [value for value in model.graph.input if value.name not in weights]
    copied = onnx.ModelProto.FromString(model.SerializeToString())
    del copied.graph.input[:]
    copied.graph.input.extend(kept)
    return copied


def _opsets(model: Any) -> list[Any]:
    """Every domain once, with the newest version named: some converters write one twice.

    What is written around the model needs 13. Nothing of what `_STEADY` names changed its meaning before or since.
    """
    versions: dict[str, int] = {"": 0}
    for opset in model.opset_import:
        domain = "" if opset.domain == "ai.onnx" else opset.domain
        versions[domain] = max(versions.get(domain, 0), opset.version)
    plain = {node.op_type for node in model.graph.node if node.domain in ("", "ai.onnx")}
    if versions[""] < OLDEST and not plain <= _STEADY:
        what = f"an ONNX operator set of {OLDEST} or later"
        fix = "Export the model again with a newer opset."
        raise ModelRefusedError(expected(what, got=versions[""], fix=fix))
    versions[""] = max(versions[""], OLDEST)
    return [helper.make_opsetid(domain, version) for domain, version in versions.items()]


class _Writer:
    """The nodes from the packed inputs to the model's own."""

    def __init__(self, kinds: Kinds) -> None:
        self._groups = {
            "numbers": [name for name, kind in kinds.items() if kind == "number"],
            "texts": [name for name, kind in kinds.items() if kind == "text"],
        }
        self._columns = list(kinds)
        self.before: list[Any] = []
        self.constants: list[Any] = []

    def inputs(self) -> list[Any]:
        types = {"numbers": TensorProto.DOUBLE, "texts": TensorProto.STRING}
        return [
            helper.make_tensor_value_info(name, types[name], ["B", len(columns)])
            for name, columns in self._groups.items()
            if columns
        ]

    def feed(self, value: Any, count: int) -> None:
        """Writes what gives the model its input `value`."""
        tensor = value.type.tensor_type
        shape = [dim.dim_value or None for dim in tensor.shape.dim]
        name = value.name.removeprefix(PREFIX)
        if len(shape) == 2 and count == 1 and (shape[1] or len(self._columns)) == len(self._columns) > 0:
            self._feed_matrix(value.name, tensor.elem_type)
        elif name in self._columns and (len(shape) == 1 or (len(shape) == 2 and shape[1] in (1, None))):
            self._feed_column(value.name, name, tensor.elem_type, len(shape))
        else:
            shown = "×".join("?" if size is None else str(size) for size in shape)
            what = f"one matrix of {len(self._columns)} columns, or one input per column"
            raise ModelRefusedError(expected(what, got=f"an input {name!r} of shape {shown}"))

    def _feed_matrix(self, name: str, dtype: int) -> None:
        is_text = dtype == TensorProto.STRING
        group = "texts" if is_text else "numbers"
        if self._groups[group] != self._columns:
            kind = "texts" if is_text else "numbers"
            raise ModelRefusedError(expected(f"columns that are all {kind}", got="both kinds for one matrix"))
        self._cast(group, name, dtype)

    def _feed_column(self, name: str, column: str, dtype: int, rank: int) -> None:
        group = "texts" if dtype == TensorProto.STRING else "numbers"
        if column not in self._groups[group]:
            raise ModelRefusedError(expected(f"{group} in column {column!r}", got="the other kind"))
        position = np.asarray([self._groups[group].index(column)], np.int64)
        self.constants.append(numpy_helper.from_array(position, f"at/{column}"))
        self.before.append(helper.make_node("Gather", [group, f"at/{column}"], [f"column/{column}"], axis=1))
        taken = f"column/{column}"
        if rank == 1:
            self.before.append(helper.make_node("Reshape", [taken, "flat"], [f"flat/{column}"]))
            taken = f"flat/{column}"
        self._cast(taken, name, dtype)

    def _cast(self, taken: str, name: str, dtype: int) -> None:
        if dtype == TensorProto.STRING:
            self.before.append(helper.make_node("Identity", [taken], [name]))
        elif dtype in _NUMBERS:
            self.before.append(helper.make_node("Cast", [taken], [name], to=dtype))
        else:
            got = TensorProto.DataType.Name(dtype)
            raise ModelRefusedError(expected("inputs that are numbers or texts", got=got))


def _shapes() -> list[Any]:
    return [numpy_helper.from_array(np.asarray([-1], np.int64), "flat")]


def _answers(graph: Any, target: Target) -> list[Any]:
    """The nodes from the model's outputs to the named ones."""
    outputs = {value.name: value.type.tensor_type for value in graph.output}
    names = list(outputs)
    if not target.classes:
        return [
            helper.make_node("Reshape", [names[0], "flat"], ["answer/flat"]),
            helper.make_node("Cast", ["answer/flat"], [target.name], to=TensorProto.DOUBLE),
        ]
    if len(names) < 2:
        raise ModelRefusedError(expected("a label and its probabilities", got="one output"))
    label, shares = names[:2]
    shape = numpy_helper.from_array(np.asarray([-1, len(target.classes)], np.int64), "answer/shape")
    return [
        helper.make_node("Constant", [], ["answer/shape"], value=shape),
        helper.make_node("Reshape", [label, "flat"], ["answer/label"]),
        _labelled("answer/label", target, outputs[label].elem_type),
        helper.make_node("Cast", [shares], ["answer/shares"], to=TensorProto.DOUBLE),
        helper.make_node("Reshape", ["answer/shares", "answer/shape"], [f"{target.name}_probabilities"]),
    ]


def _labelled(taken: str, target: Target, dtype: int) -> Any:
    is_text = isinstance(target.classes[0], str)
    if is_text != (dtype == TensorProto.STRING):
        raise ModelRefusedError(expected("labels of one kind", got="texts for numbers, or the reverse"))
    if is_text:
        return helper.make_node("Identity", [taken], [target.name])
    return helper.make_node("Cast", [taken], [target.name], to=TensorProto.INT64)


def _outputs(target: Target) -> list[Any]:
    if not target.classes:
        return [helper.make_tensor_value_info(target.name, TensorProto.DOUBLE, ["B"])]
    dtype = TensorProto.STRING if isinstance(target.classes[0], str) else TensorProto.INT64
    return [
        helper.make_tensor_value_info(target.name, dtype, ["B"]),
        helper.make_tensor_value_info(f"{target.name}_probabilities", TensorProto.DOUBLE, ["B", len(target.classes)]),
    ]
