"""What a model takes and gives: columns, task, and tensors by name. Standard library and msgspec only."""

from ambidex.schema.column import Column, Kind, NumberFormat, Role
from ambidex.schema.frequency import Frequency
from ambidex.schema.parse import parse_value
from ambidex.schema.schema import Layout, Schema, packed_layout
from ambidex.schema.task import Target, Task, TaskKind
from ambidex.schema.tensor import MISSING_TIME, Tensor

__all__ = [
    "MISSING_TIME",
    "Column",
    "Frequency",
    "Kind",
    "Layout",
    "NumberFormat",
    "Role",
    "Schema",
    "Target",
    "Task",
    "TaskKind",
    "Tensor",
    "packed_layout",
    "parse_value",
]
