"""What an op looks like in a framework's source: a layer with its arguments, and lines that use it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ambidex.eject.text import identifier, literal
from ambidex.errors import UsageError, expected
from ambidex.graph import Node, Value, read_node

Array = npt.NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Argument:
    """An argument of a layer: `role` names it where it becomes a parameter, `keyword` where it is given by name."""

    role: str
    value: Any
    keyword: str = ""


@dataclass(frozen=True, kw_only=True)
class Layer:
    """`form` wraps the call: `{}` or, say, `one_bias({})`. A layer `is_named` where its weights are found by name."""

    constructor: str
    arguments: tuple[Argument, ...] = ()
    form: str = "{}"
    is_named: bool = False

    def write(self, given: Mapping[str, str] | None = None, name: str = "") -> str:
        """The call that makes it; `given` are expressions for some roles, `name` the source of the layer's name."""
        parts = []
        for argument in self.arguments:
            value = (given or {}).get(argument.role) or literal(argument.value)
            parts.append(f"{argument.keyword}={value}" if argument.keyword else value)
        if name and self.is_named:
            parts.append(f"name={name}")
        return self.form.format(f"{self.constructor}({', '.join(parts)})")


@dataclass(frozen=True, kw_only=True)
class Source:
    """The source of a node. `lines` use `{layer}`, `{out}` and `{0}`, `{1}` for inputs; the last is an expression."""

    lines: tuple[str, ...]
    layer: Layer | None = None

    def write(self, inputs: Sequence[str], out: str, layer: str = "") -> list[str]:
        """The lines, the last still an expression."""
        return [line.format(*inputs, all=", ".join(inputs), out=out, layer=layer) for line in self.lines]


Emit = Callable[[Any, Sequence[Value]], Source]
Stored = dict[str, Array]


def source_of(table: Mapping[str, Emit], node: Node, values: Mapping[str, Value]) -> Source:
    """The source of a node from a framework's table. Raises `UsageError` where the table has no such op."""
    if node.op not in table:
        raise UsageError(expected("ops that can be written as source", got=f"{node.op!r} of node {node.name!r}"))
    _, attrs = read_node(node)
    return table[node.op](attrs, [values[name] for name in node.inputs])


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """What differs between repeated layers: `names` of parameters, and for each repetition the literals of them.

    `given[part]` maps the roles of a layer's arguments to the parameter that holds them.
    """

    names: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    given: dict[str, dict[str, str]]


def parameters(repetitions: Sequence[Mapping[str, Layer]]) -> Parameters:
    """Arguments that are not the same in every repetition; those that always agree share one parameter."""
    columns: dict[tuple[Any, ...], str] = {}
    given: dict[str, dict[str, str]] = {}
    for part, first in repetitions[0].items():
        for place, argument in enumerate(first.arguments):
            column = tuple(repetition[part].arguments[place].value for repetition in repetitions)
            if len(set(map(str, column))) == 1:
                continue
            if column not in columns:
                taken = set(columns.values())
                name = argument.role if argument.role not in taken else f"{identifier(part)}_{argument.role}"
                columns[column] = name
            given.setdefault(part, {})[argument.role] = columns[column]
    rows = tuple(zip(*columns, strict=True)) if columns else tuple(() for _ in repetitions)
    return Parameters(names=tuple(columns.values()), rows=rows, given=given)


def swapped_gates(array: Array) -> Array:
    """The first two of three blocks of rows exchanged."""
    first, second, third = np.split(array, 3)
    return np.concatenate([second, first, third])
