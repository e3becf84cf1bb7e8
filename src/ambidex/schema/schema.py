"""The whole contract of a model, and how its columns are packed into tensors."""

from __future__ import annotations

import msgspec

from ambidex.errors import DataError, expected, one_of
from ambidex.schema.column import Column, Kind, Role
from ambidex.schema.task import Task


class Schema(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Columns in the order of the training table, and the task. `unit` of rows: independent, or steps of a series."""

    columns: tuple[Column, ...]
    task: Task

    def by_role(self, *roles: Role) -> tuple[Column, ...]:
        """The columns that play one of the roles, in schema order."""
        return tuple(column for column in self.columns if column.role in roles)

    def column(self, name: str) -> Column:
        """The column of that name; a `DataError` naming the nearest one where there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        names = [column.name for column in self.columns]
        raise DataError(expected(one_of(names, name), got=f"column {name!r}"), where=name)


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """Which columns, in which order, make one packed input of the graph.

    `span`: `row` is (B, n); `history` is (B, T, n); `future` is (B, H, n); `static` is (B, n).
    """

    name: str
    span: str
    columns: tuple[Column, ...]

    @property
    def dtype(self) -> str:
        return {"numbers": "float64", "texts": "string", "times": "int64"}[self.name.rpartition("_")[2]]


_GROUPS: tuple[tuple[str, tuple[Kind, ...]], ...] = (
    ("numbers", ("number", "flag")),
    ("texts", ("text",)),
    ("times", ("time",)),
)
_SERIES_SPANS: tuple[tuple[str, str, tuple[Role, ...]], ...] = (
    ("", "history", ("target", "past", "future", "time")),
    ("future_", "future", ("future",)),
    ("static_", "static", ("static",)),
)
_TABLE_SPANS: tuple[tuple[str, str, tuple[Role, ...]], ...] = (("", "row", ("feature",)),)


def packed_layout(schema: Schema) -> tuple[Layout, ...]:
    """The packed inputs of the artifact's graph: `numbers`, `texts`, `times`, for series also `future_…`, `static_…`.

    Columns keep schema order within a group, except that a series' targets come first in `numbers`, in the order of
    the task. Groups without columns do not exist.
    """
    spans = _SERIES_SPANS if schema.task.kind == "forecast" else _TABLE_SPANS
    order = {target.name: position for position, target in enumerate(schema.task.targets)}
    layouts = []
    for prefix, span, roles in spans:
        columns = sorted(schema.by_role(*roles), key=lambda column: order.get(column.name, len(order)))
        for group, kinds in _GROUPS:
            members = tuple(column for column in columns if column.kind in kinds)
            if members:
                layouts.append(Layout(name=prefix + group, span=span, columns=members))
    return tuple(layouts)
