"""The ONNX operators that an artifact may hold: pure arithmetic, as our exporter writes it."""

from __future__ import annotations

# fmt: off
ALLOWED_OPS: dict[str, frozenset[str]] = {
    "": frozenset({
        "Abs", "Add", "And", "ArgMax", "ArgMin", "AveragePool", "BatchNormalization", "Cast", "Ceil", "Clip", "Concat",
        "Constant", "ConstantOfShape", "Conv", "Cos", "CumSum", "Div", "Elu", "Equal", "Erf", "Exp", "Expand",
        "Flatten", "Floor", "GRU", "Gather", "GatherElements", "Gemm", "GlobalAveragePool", "Greater",
        "GreaterOrEqual", "HardSigmoid", "Identity", "IsNaN", "LSTM", "LayerNormalization", "LeakyRelu", "Less",
        "LessOrEqual", "Log", "LogSoftmax", "MatMul", "Max", "MaxPool", "Min", "Mish", "Mod", "Mul", "Neg", "Not",
        "OneHot", "Or", "Pad", "Pow", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceSum", "Relu", "Reshape", "Round",
        "ScatterElements", "Selu", "Shape", "Sigmoid", "Sign", "Sin", "Slice", "Softmax", "Softplus", "Split", "Sqrt",
        "Squeeze", "Sub", "Tanh", "Tile", "TopK", "Transpose", "Unsqueeze", "Where",
    }),
    "ai.onnx.ml": frozenset({"LabelEncoder"}),
}
# fmt: on
"""Operators by domain. None of them runs other graphs, reads files or calls code of its own."""

OPSETS: dict[str, range] = {"": range(17, 19), "ai.onnx.ml": range(2, 5)}
"""The versions of each domain."""

IR_VERSIONS = range(8, 10)
