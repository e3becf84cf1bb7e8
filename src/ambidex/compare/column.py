"""The columns of a comparison: a framework in one mode, each in a process of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from ambidex.errors import UsageError, expected, one_of

Division = Literal["defaults", "matched"]
DIVISIONS: tuple[Division, ...] = ("defaults", "matched")


class Column(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`engine` is a backend or `onnxruntime`; `is_compiled` asks for torch.compile or XLA; `steps_per_call` is Keras's.

    `mode_of` names the column whose framework it runs in another mode: they share an import, and what compilation costs
    and saves is set against that column. `slowdown` makes every timed call take
    that share longer, by computing nothing for as long: `benchmarks/fairness.py` asks whether it is found.
    """

    name: str
    title: str
    engine: Literal["torch", "tensorflow", "jax", "onnxruntime"]
    divisions: tuple[Division, ...] = DIVISIONS
    is_compiled: bool = False
    steps_per_call: int = 1
    mode_of: str = ""
    slowdown: float = 0.0

    @property
    def trains(self) -> bool:
        """Whether it has anything to do before the model is finished."""
        return self.engine != "onnxruntime"


COLUMNS: dict[str, Column] = {
    column.name: column
    for column in (
        Column(name="torch", title="PyTorch eager", engine="torch"),
        Column(name="torch-compile", title="PyTorch compiled", engine="torch", is_compiled=True, mode_of="torch"),
        Column(name="tensorflow", title="TensorFlow graph", engine="tensorflow"),
        Column(
            name="tensorflow-xla", title="TensorFlow XLA", engine="tensorflow", is_compiled=True, mode_of="tensorflow"
        ),
        Column(
            name="tensorflow-steps",
            title="TensorFlow 16 steps a call",
            engine="tensorflow",
            divisions=("defaults",),
            steps_per_call=16,
            mode_of="tensorflow",
        ),
        Column(name="jax", title="JAX", engine="jax", is_compiled=True),
        Column(name="onnxruntime", title="ONNX Runtime", engine="onnxruntime"),
    )
}
"""Every column there is. In Matched, ambidex makes many steps per call in TensorFlow and JAX, so one column says it."""

QUICK: tuple[str, ...] = ("torch", "tensorflow", "onnxruntime")
"""The columns of `--quick`: eager and graph only, and ONNX Runtime for what comes after training."""


def choose_columns(names: Sequence[str], *, is_quick: bool) -> tuple[Column, ...]:
    """The columns asked for, or those of the kind of run, in the table's order; `UsageError` for an unknown name."""
    for name in names:
        if name not in COLUMNS:
            message = expected(one_of(COLUMNS, name), got=f"column {name!r}", where="--columns")
            raise UsageError(message, where="--columns")
    wanted = set(names or (QUICK if is_quick else COLUMNS))
    return tuple(column for name, column in COLUMNS.items() if name in wanted)
