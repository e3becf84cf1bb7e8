"""Adds nodes one by one, checking each as it comes; what an architecture and a preparation step are written with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from ambidex.graph.graph import Graph, Node, Value
from ambidex.graph.infer import complete, infer_node

Section = Literal["prepare", "network", "decode", "encode"]


class Builder:
    """Builds a graph section by section.

    `add` names the section a node goes to and returns the name of its value, which is the node's own. Example:

        b = Builder([Value(name="numbers", dtype="float64", shape=("B", 3))])
        x = b.add("prepare", "scaled", "standardize", "numbers", center=(0.0, 0.0, 0.0), scale=(1.0, 1.0, 1.0))
        x = b.add("prepare", "x", "cast", x, dtype="float32")
        logits = b.add("network", "head", "dense", x, units=1)
        p = b.add("decode", "p", "sigmoid_pair", logits)
        graph = b.build(prepared=[x], raw_outputs=[logits], outputs={"y_probabilities": p})
    """

    def __init__(self, inputs: Sequence[Value], targets: Sequence[Value] = ()) -> None:
        self._inputs = tuple(inputs)
        self._targets = tuple(targets)
        self._values = {value.name: value for value in (*inputs, *targets)}
        self._sections: dict[Section, list[Node]] = {"prepare": [], "network": [], "decode": [], "encode": []}

    def add(self, section: Section, name: str, op: str, *inputs: str, **attrs: Any) -> str:
        """Adds a node and returns its name. Attributes are checked against the op's record."""
        node = complete(Node(name=name, op=op, inputs=inputs, attrs=attrs))
        if name in self._values:
            raise ValueError(f"Expected a new name, got {name!r} twice.")
        known = self._values
        if section == "decode":
            made = {inner.name for inner in self._sections["network"]}
            known = {key: _as_decoded(value) if key in made else value for key, value in known.items()}
        self._values[name] = infer_node(node, known)
        self._sections[section].append(node)
        return name

    def value(self, name: str) -> Value:
        """The type and shape of a value that exists."""
        return self._values[name]

    def has(self, name: str) -> bool:
        """Whether a value of that name exists."""
        return name in self._values

    def build(
        self,
        *,
        prepared: Sequence[str],
        raw_outputs: Sequence[str],
        outputs: Mapping[str, str],
        encoded: Sequence[str] = (),
    ) -> Graph:
        """The finished graph."""
        return Graph(
            inputs=self._inputs,
            prepare=tuple(self._sections["prepare"]),
            prepared=tuple(prepared),
            network=tuple(self._sections["network"]),
            raw_outputs=tuple(raw_outputs),
            decode=tuple(self._sections["decode"]),
            outputs=dict(outputs),
            targets=self._targets,
            encode=tuple(self._sections["encode"]),
            encoded=tuple(encoded),
        )


def _as_decoded(value: Value) -> Value:
    """What the network made, as the decoding sees it: raw outputs enter it as float64."""
    return Value(name=value.name, dtype="float64", shape=value.shape)
