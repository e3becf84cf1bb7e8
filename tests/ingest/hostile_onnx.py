"""Hostile ONNX files: each is one good file, `y = x + w`, with one thing wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import onnx
from onnx import TensorProto, helper
from tests.ingest.hostile_case import SECRET, Case

OUTSIDE = "Refused, external data"


def good() -> Any:
    columns = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 3]) for name in "xy"]
    weights = helper.make_tensor("w", TensorProto.FLOAT, [3], [1.0, 2.0, 3.0])
    graph = helper.make_graph([helper.make_node("Add", ["x", "w"], ["y"])], "g", columns[:1], columns[1:], [weights])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def changed(change: Callable[[Any], object]) -> Callable[[], bytes]:
    def make() -> bytes:
        model = good()
        change(model)
        raw: bytes = model.SerializeToString(deterministic=True)
        return raw

    return make


def outside(location: str, **more: str) -> Callable[[Any], None]:
    """The weights lie in another file."""

    def change(model: Any) -> None:
        tensor = model.graph.initializer[0]
        tensor.ClearField("float_data")
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in {"location": location, **more}.items():
            tensor.external_data.add(key=key, value=value)

    return change


def without_flag(model: Any) -> None:
    """A place outside, but no word that the values lie there: one reader sees it, another does not."""
    outside(SECRET)(model)
    model.graph.initializer[0].ClearField("data_location")


def in_a_subgraph(model: Any) -> None:
    inner = good()
    outside(SECRET)(inner)
    node = helper.make_node("If", ["c"], ["z"], then_branch=inner.graph, else_branch=inner.graph)
    model.graph.node.append(node)


def sparse(model: Any) -> None:
    values = helper.make_tensor("s", TensorProto.FLOAT, [1], [1.0])
    places = helper.make_tensor("i", TensorProto.INT64, [1], [0])
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(values, places, [1 << 40]))


def function(model: Any) -> None:
    node = helper.make_node("Add", ["a", "a"], ["b"])
    opsets = [helper.make_opsetid("", 17)]
    model.functions.append(helper.make_function("local", "f", ["a"], ["b"], [node], opsets))


def nested() -> bytes:
    """Messages in messages, 5000 deep, each a graph of a node's attribute."""
    raw = b""
    for _ in range(1000):
        for tag in (b"\x32", b"\x2a", b"\x0a"):  # graph.node.attribute.g, from the inside
            raw = tag + varint(len(raw)) + raw
    return b"\x08\x08\x3a" + varint(len(raw)) + raw


def varint(number: int) -> bytes:
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def case(change: Callable[[Any], object], about: str, reason: str) -> Case:
    return Case(make=changed(change), about=about, imported=reason, served=reason)


def add_node(op: str, domain: str) -> Callable[[Any], object]:
    node = helper.make_node(op, ["x"], ["hidden"], domain=domain)
    return lambda model: model.graph.node.append(node)


ONNX: dict[str, Case] = {
    "cve-2022-25882.onnx": case(outside(f"../../../../{SECRET}"), "CVE-2022-25882: weights outside, by `..`", OUTSIDE),
    "ghsa-whh8-fjgc-qp73.onnx": case(
        outside(f"weights/../.././{SECRET}"), "GHSA-whh8-fjgc-qp73: the same past a check of the first part", OUTSIDE
    ),
    "cve-2026-27489.onnx": case(
        outside("link"), "CVE-2026-27489, CVE-2026-34447: weights behind a symbolic link", OUTSIDE
    ),
    "cve-2026-34446.onnx": case(outside("hard_link"), "CVE-2026-34446: weights behind a hard link", OUTSIDE),
    "cve-2026-34445.onnx": case(
        outside(SECRET, __class__="os", checksum="0", basepath="/"),
        "CVE-2026-34445: attributes set from the file's own words",
        OUTSIDE,
    ),
    "cve-2025-51480.onnx": case(
        outside("it_ran", offset="0", length="12"),
        "CVE-2025-51480, VA-26-233-01: a place to write to; nothing is ever written there",
        OUTSIDE,
    ),
    "empty-folder.onnx": case(outside(""), "the bypass of 1.21.0 by an empty folder", OUTSIDE),
    "absolute-path.onnx": case(outside("/etc/hostname"), "weights at an absolute path", OUTSIDE),
    "unflagged.onnx": case(without_flag, "weights outside that only one of two readers sees", OUTSIDE),
    "in-a-subgraph.onnx": case(in_a_subgraph, "weights outside, in a graph inside a node", "Refused, "),
    "cve-2026-44512.onnx": case(
        lambda model: model.opset_import[0].MergeFrom(onnx.OperatorSetIdProto(version=(1 << 63) - 1)),
        "CVE-2026-44512: an operator set that crashes the version converter, which is never called",
        "Refused, another operator set",
    ),
    "custom-operator.onnx": case(
        add_node("PyOp", "ai.onnx.contrib"), "an operator of a library of its own", "Refused, an unknown domain"
    ),
    "context.onnx": case(
        add_node("EPContext", "com.microsoft"),
        "a compiled context, which ONNX Runtime reads from another file",
        "Refused, an unknown domain",
    ),
    "session-options.onnx": case(
        lambda model: model.metadata_props.add(key="ort_config", value='{"session_options": {}}'),
        "settings of the runtime in the file",
        "Refused, settings for the runtime",
    ),
    "function.onnx": case(function, "a function, which may redefine an operator", "Refused, functions"),
    "sparse.onnx": case(sparse, "a sparse tensor of 4 TB", "Refused, sparse tensors"),
    "claims-4-tb.onnx": case(
        lambda model: model.graph.initializer[0].MergeFrom(onnx.TensorProto(dims=[1 << 40])),
        "12 bytes for a tensor of 12 TB",
        "Refused, a shape mismatch",
    ),
    "nested.onnx": Case(
        make=nested,
        about="graphs in graphs, 1000 deep",
        imported="Expected an ONNX model, got other bytes",
        served="Refused, ",
    ),
}
