"""The op table: every op there is, in one literal place. Each engine has a table with the same network keys."""

from __future__ import annotations

from ambidex.graph.op import Op
from ambidex.graph.ops.activation import ACTIVATIONS
from ambidex.graph.ops.arithmetic import ARITHMETIC
from ambidex.graph.ops.category import CATEGORIES
from ambidex.graph.ops.layer import LAYERS
from ambidex.graph.ops.number import NUMBERS
from ambidex.graph.ops.recurrent import RECURRENT
from ambidex.graph.ops.sequence import SEQUENCE
from ambidex.graph.ops.series import SERIES
from ambidex.graph.ops.shape import SHAPE
from ambidex.graph.ops.time import TIMES

OPS: dict[str, Op] = {
    op.name: op
    for family in (LAYERS, RECURRENT, SEQUENCE, ACTIVATIONS, ARITHMETIC, SHAPE, NUMBERS, CATEGORIES, TIMES, SERIES)
    for op in family
}
