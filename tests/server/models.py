"""Small real artifacts for the server's tests: a table with every kind of column, a forecaster, a regression."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import onnx
from onnx import TensorProto as Type
from onnx import helper, numpy_helper

from ambidex.artifact import Certificate, GraphSignature, MadeBy, Manifest, TensorSpec, write_artifact
from ambidex.artifact.certificate import encode_certificate
from ambidex.artifact.profile import ColumnProfile, Profile
from ambidex.schema import Column, Frequency, Schema, Target, Task, packed_layout

HOUR_US = 3_600_000_000

ADULT = Schema(
    columns=(
        Column(name="age", kind="number", minimum=17, maximum=90, example=39),
        Column(name="hours-per-week", kind="number", example=40),
        Column(name="workclass", kind="text", levels=("Private", "State-gov")),
        Column(name="member", kind="flag", example=True),
        Column(name="since", kind="time", example="2020-01-31"),
        Column(name="income", kind="text", role="target"),
    ),
    task=Task(kind="binary", targets=(Target(name="income", classes=("<=50K", ">50K")),)),
)
HOUSES = Schema(
    columns=(Column(name="rooms", kind="number", example=3), Column(name="price", kind="number", role="target")),
    task=Task(kind="regression", targets=(Target(name="price"),)),
)
OIL = Schema(
    columns=(
        Column(name="date", kind="time", role="time"),
        Column(name="HUFL", kind="number", role="past", example=5.8),
        Column(name="OT", kind="number", role="target", example=30.5),
    ),
    task=Task(
        kind="forecast",
        targets=(Target(name="OT"),),
        quantiles=(0.1, 0.9),
        horizon=3,
        min_history=4,
        max_history=8,
        frequency=Frequency(unit="microsecond", count=HOUR_US),
    ),
)
STORES = Schema(
    columns=(
        Column(name="store", kind="text", role="series"),
        Column(name="sold", kind="number", role="target"),
        Column(name="holiday", kind="flag", role="future"),
        Column(name="size", kind="number", role="static"),
    ),
    task=Task(kind="forecast", targets=(Target(name="sold"),), horizon=2, min_history=2),
)

Output = tuple[str, int, list[str | int]]

_ELEMENTS = {"float64": Type.DOUBLE, "int64": Type.INT64, "string": Type.STRING}
_SPANS: dict[str, list[str | int]] = {"row": ["B"], "history": ["B", "T"], "future": ["B", "H"], "static": ["B"]}


def constant(name: str, value: object, dtype: type = np.float64) -> onnx.TensorProto:
    return numpy_helper.from_array(np.asarray(value, dtype), name)


def adult_graph() -> onnx.ModelProto:
    """P(>50K) = sigmoid(age/10 + hours/100 + 5·member + (workclass is Private) − 8); missing numbers count 0."""
    nodes = [
        helper.make_node("IsNaN", ["numbers"], ["missing"]),
        helper.make_node("Where", ["missing", "zero", "numbers"], ["filled"]),
        helper.make_node("MatMul", ["filled", "weights"], ["sum"]),
        helper.make_node(
            "LabelEncoder",
            ["texts"],
            ["code"],
            domain="ai.onnx.ml",
            keys_strings=["Private"],
            values_int64s=[1],
            default_int64=0,
        ),
        helper.make_node("Cast", ["code"], ["private"], to=Type.DOUBLE),
        helper.make_node("Add", ["sum", "private"], ["score"]),
        helper.make_node("Equal", ["times", "never"], ["timeless"]),
        helper.make_node("Cast", ["timeless"], ["penalty"], to=Type.DOUBLE),
        helper.make_node("Sub", ["score", "penalty"], ["lowered"]),
        helper.make_node("Sub", ["lowered", "bias"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["high"]),
        helper.make_node("Sub", ["one", "high"], ["low"]),
        helper.make_node("Concat", ["low", "high"], ["income_probabilities"], axis=1),
        helper.make_node("GreaterOrEqual", ["high", "half"], ["is_high"]),
        helper.make_node("Reshape", ["is_high", "flat"], ["decision"]),
        helper.make_node("Where", ["decision", "yes", "no"], ["income"]),
    ]
    constants = [
        constant("zero", 0.0),
        constant("one", 1.0),
        constant("half", 0.5),
        constant("bias", 8.0),
        constant("never", -(2**63), np.int64),
        constant("weights", [[0.1], [0.01], [5.0]]),
        constant("flat", [-1], np.int64),
        helper.make_tensor("yes", Type.STRING, [], [">50K"]),  # type: ignore[list-item]
        helper.make_tensor("no", Type.STRING, [], ["<=50K"]),  # type: ignore[list-item]
    ]
    outputs: list[Output] = [("income", Type.STRING, ["B"]), ("income_probabilities", Type.DOUBLE, ["B", 2])]
    return graph(ADULT, nodes, constants, outputs)


def houses_graph(*, slope: float = 2.0) -> onnx.ModelProto:
    """price = slope · rooms."""
    nodes = [
        helper.make_node("Mul", ["numbers", "slope"], ["priced"]),
        helper.make_node("Reshape", ["priced", "flat"], ["price"]),
    ]
    constants = [constant("slope", slope), constant("flat", [-1], np.int64)]
    return graph(HOUSES, nodes, constants, [("price", Type.DOUBLE, ["B"])])


def oil_graph() -> onnx.ModelProto:
    """The last value plus 1, 2, 3; the mean of the window plus and minus 1 as quantiles."""
    nodes = [
        helper.make_node("Gather", ["numbers", "target"], ["history"], axis=2),
        helper.make_node("Gather", ["history", "last"], ["final"], axis=1),
        helper.make_node("Add", ["final", "steps"], ["OT"]),
        helper.make_node("ReduceMean", ["history"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Unsqueeze", ["mean", "axis"], ["wide"]),
        helper.make_node("Add", ["wide", "spread"], ["OT_quantiles"]),
        helper.make_node("Identity", ["times"], ["clock"]),
    ]
    constants = [
        constant("target", 0, np.int64),
        constant("last", [-1], np.int64),
        constant("steps", [1.0, 2.0, 3.0]),
        constant("axis", [2], np.int64),
        constant("spread", np.tile([[[-1.0, 1.0]]], (1, 3, 1))),
    ]
    outputs: list[Output] = [("OT", Type.DOUBLE, ["B", 3]), ("OT_quantiles", Type.DOUBLE, ["B", 3, 2])]
    return graph(OIL, nodes, constants, outputs)


def stores_graph() -> onnx.ModelProto:
    """The last value plus ten on a holiday, plus the store's size."""
    nodes = [
        helper.make_node("Gather", ["numbers", "target"], ["history"], axis=2),
        helper.make_node("Gather", ["history", "last"], ["final"], axis=1),
        helper.make_node("Mul", ["future_numbers", "ten"], ["bonus"]),
        helper.make_node("Squeeze", ["bonus", "axis"], ["extra"]),
        helper.make_node("Add", ["final", "extra"], ["partly"]),
        helper.make_node("Add", ["partly", "static_numbers"], ["sold"]),
    ]
    constants = [
        constant("target", 0, np.int64),
        constant("last", [-1], np.int64),
        constant("ten", 10.0),
        constant("axis", [2], np.int64),
    ]
    return graph(STORES, nodes, constants, [("sold", Type.DOUBLE, ["B", 2])])


def graph(
    schema: Schema, nodes: list[onnx.NodeProto], constants: list[onnx.TensorProto], outputs: list[Output]
) -> onnx.ModelProto:
    inputs = [
        helper.make_tensor_value_info(layout.name, _ELEMENTS[layout.dtype], [*_SPANS[layout.span], len(layout.columns)])
        for layout in packed_layout(schema)
    ]
    results = [helper.make_tensor_value_info(name, kind, shape) for name, kind, shape in outputs]
    body = helper.make_graph(nodes, "tested", inputs, results, constants)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(body, opset_imports=opsets, ir_version=8)
    onnx.checker.check_model(model)
    return model


UNCERTIFIED = Certificate(rows={}, outputs={}, editions={}, rows_compared=0)


def write_model(
    path: Path,
    schema: Schema,
    model: onnx.ModelProto,
    *,
    card: str = "# A model\n",
    certificate: Certificate = UNCERTIFIED,
    training: bytes = b"{}",
) -> Path:
    """An artifact around the ONNX model; its other entries are as small as they may be."""
    dtypes = {int(number): name for name, number in _ELEMENTS.items()}

    def specs(values: list[onnx.ValueInfoProto]) -> tuple[TensorSpec, ...]:
        return tuple(
            TensorSpec(
                name=value.name,
                dtype=dtypes[value.type.tensor_type.elem_type],  # type: ignore[arg-type]
                shape=tuple(size.dim_param or size.dim_value for size in value.type.tensor_type.shape.dim),
            )
            for value in values
        )

    signature = GraphSignature(inputs=specs(model.graph.input), outputs=specs(model.graph.output))
    manifest = Manifest(schema=schema, signature=signature, made_by=MadeBy(ambidex="0"))
    entries = {
        "model.onnx": model.SerializeToString(deterministic=True),
        "weights.safetensors": b"\2\0\0\0\0\0\0\0{}",
        "graph.json": b"{}",
        "training.json": training,
        "certificate.json": encode_certificate(certificate),
        "card.md": card.encode(),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_artifact(path, entries, manifest=manifest)
    return path


AGE = ColumnProfile(kind="number", edges=(30.0, 50.0), shares=(0.3, 0.4, 0.3))
WORK = ColumnProfile(kind="text", levels=("Private", "State-gov"), shares=(0.7, 0.2, 0.1), missing=0.1)
INCOME = ColumnProfile(kind="text", levels=("<=50K", ">50K"), shares=(1.0, 0.0, 0.0))
PROFILE = Profile(rows=1000, answers=100, inputs={"age": AGE, "workclass": WORK}, outputs={"income": INCOME})


def write_watched(folder: Path, profile: Profile = PROFILE) -> Path:
    """The model of adults, with what its training data looked like."""
    training = msgspec.json.encode({"reference": {"train_rows": 1, "profile": profile}})
    return write_model(folder / "adult.ambidex", ADULT, adult_graph(), training=training)


def write_adult(folder: Path, name: str = "adult") -> Path:
    return write_model(folder / f"{name}.ambidex", ADULT, adult_graph(), card="# Adult\n")


def write_houses(folder: Path, name: str = "houses", *, slope: float = 2.0) -> Path:
    return write_model(folder / f"{name}.ambidex", HOUSES, houses_graph(slope=slope))


def write_oil(folder: Path) -> Path:
    return write_model(folder / "oil.ambidex", OIL, oil_graph())


def write_stores(folder: Path) -> Path:
    return write_model(folder / "stores.ambidex", STORES, stores_graph())
