"""Outputs of models that name nothing: what is a label, what are probabilities, and an ONNX model that says both."""

from __future__ import annotations

import contextlib
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from ambidex.errors import expected
from ambidex.ingest.foreign import Answers, ModelRefusedError

Labels = tuple[str | int, ...]
KEY = "classes:"
FIX = "Name the labels in the order of the probabilities: --classes no,yes"


def own_labels(model: Any) -> Labels:
    """The labels that our own export leaves in a model's metadata, for the one target that has any; else none."""
    found = [entry.value for entry in model.metadata_props if entry.key.startswith(KEY)]
    if len(found) == 1:
        with contextlib.suppress(msgspec.MsgspecError):
            labels = tuple(msgspec.json.decode(found[0], type=list[str | int]))
            return labels if len(set(map(type, labels))) == 1 else ()
    return ()


def check_labels(num_outputs: int, width: int, labels: Labels) -> None:
    """Refuses labels that do not go with outputs, of which the last has `width` numbers a row (0: one)."""
    if labels and width > 1 and width != len(labels):
        raise ModelRefusedError(expected(f"{width} classes", got=f"{len(labels)}", where="--classes"))
    if labels and width <= 1 and len(labels) != 2:
        got = f"{len(labels)} for one number a row"
        raise ModelRefusedError(expected("2 classes, of which the number is the second's share", got=got))
    if not labels and (num_outputs > 1 or width > 1):
        got = "a label and probabilities" if num_outputs > 1 else f"{width} values a row"
        what = "a model with one number a row, or the names of its classes"
        raise ModelRefusedError(expected(what, got=got, fix=FIX))


def answers(outputs: list[npt.NDArray[Any]], labels: Labels) -> Answers:
    """Label and probabilities, or a number: from both, or from probabilities alone."""
    count = len(outputs[0])
    if not labels:
        return Answers(values=outputs[0].reshape(count).astype(np.float64))
    shares = outputs[-1].astype(np.float64).reshape(count, -1)
    if shares.shape[1] == 1:
        shares = np.concatenate([1 - shares, shares], axis=1)
    if len(outputs) > 1:
        given = outputs[0].reshape(count)
        return Answers(values=given if given.dtype == object else given.astype(np.int64), probabilities=shares)
    known = np.array(labels, dtype=object if isinstance(labels[0], str) else np.int64)
    return Answers(values=known[shares.argmax(axis=1)], probabilities=shares)


def with_label(model: Any, labels: Labels) -> Any:
    """The model with a label in front of its probabilities, where it has only these."""
    if not labels or len(model.graph.output) > 1:
        return model
    copied = onnx.ModelProto.FromString(model.SerializeToString())
    graph = copied.graph
    shares, nodes = _both_shares(graph, graph.output[0], len(labels))
    decide = helper.make_node("ArgMax", [shares.name], ["ambidex/decision"], axis=1, keepdims=0)
    graph.node.extend([*nodes, decide])
    label = _named(graph, "ambidex/decision", labels)
    del graph.output[:]
    graph.output.extend([label, shares])
    return copied


def with_names(model: Any, labels: Labels) -> Any:
    """The model with names for labels that it numbers from 0, where there are names."""
    if not labels:
        return model
    graph = model.graph
    _, shares = graph.output
    label = _named(graph, graph.output[0].name, labels)
    del graph.output[:]
    graph.output.extend([label, shares])
    return model


def _named(graph: Any, numbers: str, labels: Labels) -> Any:
    """An output of the label for each of the numbers, with the node that makes it."""
    is_text = isinstance(labels[0], str)
    values = np.array(list(labels), object if is_text else np.int64)
    graph.initializer.append(numpy_helper.from_array(values, "ambidex/labels"))
    graph.node.append(helper.make_node("Gather", ["ambidex/labels", numbers], ["ambidex/label"]))
    return helper.make_tensor_value_info("ambidex/label", TensorProto.STRING if is_text else TensorProto.INT64, [None])


def _both_shares(graph: Any, given: Any, count: int) -> tuple[Any, list[Any]]:
    """The probabilities of every class, and the nodes that make them of the second's alone."""
    sizes = [dim.dim_value for dim in given.type.tensor_type.shape.dim]
    if len(sizes) == 2 and sizes[1] == count:
        return given, []
    dtype = given.type.tensor_type.elem_type
    one = np.ones(1, helper.tensor_dtype_to_np_dtype(dtype))
    graph.initializer.extend(
        [numpy_helper.from_array(one, "ambidex/one"), numpy_helper.from_array(np.array([-1, 1]), "ambidex/column")]
    )
    nodes = [
        helper.make_node("Reshape", [given.name, "ambidex/column"], ["ambidex/second"]),
        helper.make_node("Sub", ["ambidex/one", "ambidex/second"], ["ambidex/first"]),
        helper.make_node("Concat", ["ambidex/first", "ambidex/second"], ["ambidex/shares"], axis=1),
    ]
    return helper.make_tensor_value_info("ambidex/shares", dtype, [None, count]), nodes
