"""The model that the serving benchmarks share: 20 numbers → 128 → 64 → 2 classes, as an artifact and as plain ONNX."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from ambidex.artifact import Certificate, GraphSignature, MadeBy, Manifest, TensorSpec, write_artifact
from ambidex.artifact.certificate import encode_certificate
from ambidex.schema import Column, Schema, Target, Task

FEATURES = [f"x{position}" for position in range(20)]
SCHEMA = Schema(
    columns=(
        *(Column(name=name, kind="number", example=0.5) for name in FEATURES),
        Column(name="label", kind="text", role="target"),
    ),
    task=Task(kind="binary", targets=(Target(name="label", classes=("no", "yes")),)),
)


def network() -> onnx.ModelProto:
    """The packed graph: float64 in, float32 inside, label and probabilities out."""
    rng = np.random.default_rng(0)
    sizes = (20, 128, 64, 2)
    constants = [numpy_helper.from_array(np.asarray([b"no", b"yes"], object), "classes")]
    nodes = [helper.make_node("Cast", ["numbers"], ["h0"], to=TensorProto.FLOAT)]
    for layer, (wide, narrow) in enumerate(itertools.pairwise(sizes)):
        weight = rng.normal(0, wide**-0.5, (wide, narrow)).astype(np.float32)
        constants += [
            numpy_helper.from_array(weight, f"w{layer}"),
            numpy_helper.from_array(np.zeros(narrow, np.float32), f"b{layer}"),
        ]
        out = f"h{layer + 1}"
        nodes.append(helper.make_node("Gemm", [f"a{layer}" if layer else "h0", f"w{layer}", f"b{layer}"], [out]))
        if narrow != sizes[-1]:
            nodes.append(helper.make_node("Relu", [out], [f"a{layer + 1}"]))
    nodes += [
        helper.make_node("Cast", ["h3"], ["logits"], to=TensorProto.DOUBLE),
        helper.make_node("Softmax", ["logits"], ["label_probabilities"], axis=1),
        helper.make_node("ArgMax", ["label_probabilities"], ["decision"], axis=1, keepdims=0),
        helper.make_node("Gather", ["classes", "decision"], ["label"]),
    ]
    inputs = [helper.make_tensor_value_info("numbers", TensorProto.DOUBLE, ["B", 20])]
    outputs = [
        helper.make_tensor_value_info("label", TensorProto.STRING, ["B"]),
        helper.make_tensor_value_info("label_probabilities", TensorProto.DOUBLE, ["B", 2]),
    ]
    graph = helper.make_graph(nodes, "mlp", inputs, outputs, constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def write_both(folder: Path) -> tuple[Path, Path]:
    """`mlp.ambidex` and `mlp.onnx` in the folder."""
    raw = network().SerializeToString()
    signature = GraphSignature(
        inputs=(TensorSpec(name="numbers", dtype="float64", shape=("B", 20)),),
        outputs=(
            TensorSpec(name="label", dtype="string", shape=("B",)),
            TensorSpec(name="label_probabilities", dtype="float64", shape=("B", 2)),
        ),
    )
    entries = {
        "model.onnx": raw,
        "weights.safetensors": b"\2\0\0\0\0\0\0\0{}",
        "graph.json": b"{}",
        "training.json": b"{}",
        "certificate.json": encode_certificate(Certificate(rows={}, outputs={}, editions={}, rows_compared=0)),
        "card.md": b"# The benchmark's network\n",
    }
    artifact, plain = folder / "mlp.ambidex", folder / "mlp.onnx"
    manifest = Manifest(schema=SCHEMA, signature=signature, made_by=MadeBy(ambidex="0"))
    write_artifact(artifact, entries, manifest=manifest)
    plain.write_bytes(raw)
    return artifact, plain
