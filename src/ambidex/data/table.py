"""A table as it was read: ordered columns of raw values, not yet typed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ambidex.errors import DataError, expected, one_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Values = Any
"""A list (texts as written, None for null, or Python values) or a one-dimensional NumPy array (numbers, booleans,
`datetime64[us]`)."""

MOST_NAMED = 60
"""Messages list the columns of a table up to this many."""


class Table:
    """Columns of equal length by name, in order.

    `source` names where the table came from. `categories` are the columns whose source declared them categorical.
    Row numbers in messages count data rows from 1: the header is not counted.
    """

    def __init__(
        self, columns: Mapping[str, Values], *, source: str = "", categories: Iterable[str] = (),
        positions: Sequence[int] | NDArray[np.int64] | None = None, num_rows: int | None = None,
    ) -> None:  # fmt: skip
        self._columns = dict(columns)
        self.source = source
        self.categories = frozenset(categories)
        self._positions = positions
        lengths = {name: len(values) for name, values in self._columns.items()}
        self._num_rows = num_rows if num_rows is not None else next(iter(lengths.values()), 0)
        for name, length in lengths.items():
            if length != self._num_rows:
                raise DataError(
                    f"Expected columns of one length, got {self._num_rows} rows and {length} in column {name!r}.",
                    where=name,
                )

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._columns)

    @property
    def num_rows(self) -> int:
        return self._num_rows

    def __len__(self) -> int:
        return self._num_rows

    def __contains__(self, name: object) -> bool:
        return name in self._columns

    def __repr__(self) -> str:
        return f"Table({self.num_rows} rows, {len(self._columns)} columns{f', {self.source}' if self.source else ''})"

    def column(self, name: str) -> Values:
        """The raw values of a column; a `DataError` that names the nearest column where there is none."""
        if name not in self._columns:
            raise DataError(
                expected(f"a column{self._of()}", got=repr(name), fix=known_columns(self, name)), where=name
            )
        return self._columns[name]

    def columns(self) -> dict[str, Values]:
        """All columns by name, in order (a new dict of the same values)."""
        return dict(self._columns)

    def place(self, row: int) -> str:
        """How a message names the row at this index: counted from 1, in the table as it was read."""
        position = row if self._positions is None else int(self._positions[row])
        return f"row {position + 1}{self._of()}"

    def _of(self) -> str:
        return f" of {self.source}" if self.source else ""

    def select(self, names: Iterable[str]) -> Table:
        """Only these columns, in this order."""
        return self._with({name: self.column(name) for name in names})

    def drop(self, names: Iterable[str]) -> Table:
        """All columns but these; a `DataError` for a name that does not exist."""
        gone = set(names)
        for name in gone:
            self.column(name)
        return self._with({name: values for name, values in self._columns.items() if name not in gone})

    def take(self, index: Any) -> Table:
        """The rows at these indices (integers, in any order), which keep their row numbers."""
        rows = index.tolist() if hasattr(index, "tolist") else list(index)
        columns = {name: _take(values, index, rows) for name, values in self._columns.items()}
        before = self._positions
        positions = rows if before is None else [int(before[row]) for row in rows]
        return Table(columns, source=self.source, categories=self.categories, positions=positions, num_rows=len(rows))

    def head(self, rows: int) -> Table:
        """The first rows."""
        return self.take(range(min(rows, self.num_rows)))

    def _with(self, columns: dict[str, Values]) -> Table:
        kept = self.categories & columns.keys()
        return Table(columns, source=self.source, categories=kept, positions=self._positions, num_rows=self._num_rows)


def known_columns(table: Table, given: str) -> str:
    """What to use instead of a column that is not there: for a message."""
    if len(table.names) > MOST_NAMED:
        return f"The table has {len(table.names)} others."
    advice = one_of(table.names, given)
    return f"Use {advice}" + ("" if advice.endswith("?") else ".")


def _take(values: Values, index: Any, rows: list[int]) -> Values:
    if hasattr(values, "dtype"):
        return values[rows] if isinstance(index, range) else values[index]
    return [values[row] for row in rows]
