"""What an emitter writes into: nodes in order, and constants, under names that the graph alone determines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ambidex.graph.graph import Value
from ambidex.graph.op import Array

Attribute = int | float | str | tuple[int, ...] | tuple[str, ...]

AI_ONNX_ML = "ai.onnx.ml"


@dataclass
class Step:
    """An ONNX node before it is written. Inputs and outputs are names of tensors."""

    op: str
    inputs: list[str]
    outputs: list[str]
    attributes: Mapping[str, Attribute]
    domain: str = ""


@dataclass(frozen=True, kw_only=True)
class Call:
    """A node of our graph as its emitter meets it.

    `inputs` are the names of ONNX tensors, `values` their types and shapes, `result` the type and shape to make,
    `attrs` the op's checked record, `weights` the node's arrays by part name.
    """

    name: str
    inputs: tuple[str, ...]
    values: tuple[Value, ...]
    result: Value
    attrs: Any
    weights: Mapping[str, Array] = field(default_factory=dict)

    @property
    def x(self) -> str:
        """The first input."""
        return self.inputs[0]

    @property
    def dtype(self) -> str:
        """The element type of the first input."""
        return self.values[0].dtype

    @property
    def rank(self) -> int:
        """The number of axes of the first input."""
        return len(self.values[0].shape)


class Context:
    """Collects the nodes and initializers of one file.

    `taken` are names that inner tensors must not use: the file's inputs and outputs.
    """

    def __init__(self, taken: Iterable[str]) -> None:
        self.steps: list[Step] = []
        self.initializers: dict[str, Array] = {}
        self.scope = ""
        self.time_major: dict[str, str] = {}
        """The twin in (T, B, …) of a tensor in (B, T, …), so that stacked recurrent layers need not turn it twice."""
        self.columns: dict[str, list[str]] = {}
        """The tensors of width one that a tensor was joined from along its last axis, to be read without a Slice."""
        self._taken = set(taken)
        self._counts: dict[str, int] = {}
        self._constants: dict[tuple[object, ...], str] = {}

    def add(self, op: str, *inputs: str, attributes: Mapping[str, Attribute] | None = None, domain: str = "") -> str:
        """Adds a node with one output and returns the output's name."""
        return self.add_many(op, inputs, 1, attributes=attributes, domain=domain)[0]

    def add_many(
        self,
        op: str,
        inputs: Sequence[str],
        count: int,
        *,
        attributes: Mapping[str, Attribute] | None = None,
        domain: str = "",
    ) -> list[str]:
        """Adds a node with `count` outputs and returns their names."""
        outputs = [self.fresh(f"{self.scope}/{op}") for _ in range(count)]
        self.steps.append(Step(op, list(inputs), outputs, dict(attributes or {}), domain))
        return outputs

    def constant(self, array: Array) -> str:
        """The name of an initializer with these values; equal ones are written once."""
        content = tuple(array.ravel().tolist()) if array.dtype == object else array.tobytes()
        key = (str(array.dtype), array.shape, content)
        if key not in self._constants:
            self._constants[key] = self.weight("constant", array)
        return self._constants[key]

    def number(self, value: float, dtype: str) -> str:
        """A constant without axes, of the type of what it meets."""
        return self.constant(np.asarray(value, dtype=dtype))

    def integers(self, *values: int) -> str:
        """A constant list of int64: axes, shapes, positions."""
        return self.constant(np.asarray(values, dtype=np.int64))

    def weight(self, name: str, array: Array) -> str:
        """The name of an initializer of its own, named after the weight."""
        fresh = self.fresh(name)
        self.initializers[fresh] = array
        return fresh

    def rename_last(self, tensor: str, name: str) -> str:
        """Calls a tensor after `name` if the last node made it, and returns what it is called now."""
        outputs = self.steps[-1].outputs
        if outputs[0] != tensor:
            return tensor
        outputs[0] = self.fresh(name)
        if tensor in self.time_major:
            self.time_major[outputs[0]] = self.time_major.pop(tensor)
        if tensor in self.columns:
            self.columns[outputs[0]] = self.columns.pop(tensor)
        return outputs[0]

    def fresh(self, name: str) -> str:
        """The name itself if it is free, else with the first number that makes it so."""
        candidate = name
        while candidate in self._taken:
            self._counts[name] = self._counts.get(name, 0) + 1
            candidate = f"{name}_{self._counts[name]}"
        self._taken.add(candidate)
        return candidate


def join(context: Context, columns: list[str]) -> str:
    """Tensors of width one side by side."""
    if len(columns) == 1:
        return columns[0]
    joined = context.add("Concat", *columns, attributes={"axis": -1})
    context.columns[joined] = columns
    return joined


Emitter = Callable[[Context, Call], str]
"""Writes one node of our graph and returns the name of the tensor that holds its value."""


def cast(context: Context, x: str, dtype: str) -> str:
    """The tensor converted to a type of ours."""
    return context.add("Cast", x, attributes={"to": ELEMENT_TYPES[dtype]})


def cut(context: Context, x: str, axis: int, start: int, stop: int | None) -> str:
    """Positions `start` to `stop` (None: the end) of one axis, as in `x[start:stop]`."""
    end = np.iinfo(np.int64).max if stop is None else stop
    edges = (context.integers(start), context.integers(int(end)), context.integers(axis))
    return context.add("Slice", x, *edges)


ELEMENT_TYPES = {"float32": 1, "int8": 3, "int64": 7, "string": 8, "bool": 9, "float16": 10, "float64": 11}
"""`TensorProto.DataType` of our element types, and of those that only weights are stored in."""
