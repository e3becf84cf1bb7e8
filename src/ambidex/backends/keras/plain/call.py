"""What an entry of the table is told about the node it computes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ambidex.backends.keras._import import plain_tf as tf
from ambidex.graph import Value

Tensor = Any


class Tables:
    """The lookup tables of a model, made once however often its functions are traced."""

    def __init__(self) -> None:
        self.made: dict[str, Any] = {}

    def codes(self, name: str, code_of: Mapping[str, int], unseen: int) -> Any:
        """A table from texts to codes; a text that it lacks has the code `unseen`."""
        if name not in self.made:
            with tf.init_scope():  # outside the function being traced, so that it belongs to the model
                keys, codes = tf.constant(list(code_of), tf.string), tf.constant(list(code_of.values()), tf.int64)
                content = tf.lookup.KeyValueTensorInitializer(keys, codes)
                self.made[name] = tf.lookup.StaticHashTable(content, unseen)
        return self.made[name]


@dataclass(frozen=True, kw_only=True)
class Call:
    """A node as its entry meets it.

    `values` are types and shapes of the inputs, `attrs` the op's checked record, `weights` the node's variables by
    part name. `is_unrolled` writes a recurrent layer out step by step, for runtimes without loops.
    """

    name: str
    values: tuple[Value, ...]
    attrs: Any
    weights: Mapping[str, Any] = field(default_factory=dict)
    tables: Tables = field(default_factory=Tables)
    is_unrolled: bool = False


Entry = Callable[[Sequence[Tensor], Call], Tensor]
"""Computes one node of our graph from tensors."""


def row(numbers: Sequence[float], like: Tensor) -> Tensor:
    """A constant per column in the precision of the values it meets."""
    return tf.constant(numbers, like.dtype)
