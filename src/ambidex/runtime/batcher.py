"""Small requests that wait at the same moment share one run of the model; nobody waits for others to come."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ambidex.errors import AmbidexError, DataError
from ambidex.schema import Tensor

Feeds = Mapping[str, Tensor]
Done = Callable[[dict[str, Tensor] | None, int, AmbidexError | None], None]
"""Receives the outputs of the whole run and the first row that is the caller's, or the error."""

MAX_ROWS = 512
"""A batch this large gains nothing from growing: the fixed cost of a run is shared already."""


class Batcher:
    """Collects requests until `flush`, which `schedule` is asked to call once the waiting ones have been read.

    Not for several threads: it belongs to the thread of the event loop.
    """

    def __init__(
        self, run: Callable[[Feeds], dict[str, Tensor]], schedule: Callable[[Callable[[], object]], object]
    ) -> None:
        self._run = run
        self._schedule = schedule
        self._waiting: list[tuple[Feeds, int, Done]] = []
        self.observe: Callable[[int], None] = lambda rows: None

    def submit(self, feeds: Feeds, rows: int, done: Done) -> None:
        """Adds a request of `rows` rows; `done` is called during the next flush."""
        if not self._waiting:
            self._schedule(self.flush)
        self._waiting.append((feeds, rows, done))

    def flush(self) -> None:
        """Runs what waits."""
        waiting, self._waiting = self._waiting, []
        for group in _groups(waiting):
            self._run_group(group)

    def _run_group(self, group: Sequence[tuple[Feeds, int, Done]]) -> None:
        total = sum(rows for _, rows, _ in group)
        self.observe(total)
        try:
            outputs = self._run(group[0][0] if len(group) == 1 else joined([feeds for feeds, _, _ in group], total))
        except DataError as error:
            if len(group) == 1:
                group[0][2](None, 0, error)
            else:  # one request spoils the batch: each for itself finds out whose fault it is
                for request in group:
                    self._run_group([request])
            return
        except AmbidexError as error:
            for _, _, done in group:
                done(None, 0, error)
            return
        start = 0
        for _, rows, done in group:
            done(outputs, start, None)
            start += rows


def _groups(waiting: Sequence[tuple[Feeds, int, Done]]) -> list[list[tuple[Feeds, int, Done]]]:
    """Requests whose tensors have the same shape behind the first dimension, at most `MAX_ROWS` rows together."""
    if len(waiting) == 1:
        return [list(waiting)]
    groups: list[list[tuple[Feeds, int, Done]]] = []
    open_groups: dict[tuple[Any, ...], tuple[list[tuple[Feeds, int, Done]], int]] = {}
    for request in waiting:
        feeds, rows, _ = request
        key = tuple(tensor.shape[1:] for tensor in feeds.values())
        group, filled = open_groups.get(key, ([], MAX_ROWS))
        if filled + rows > MAX_ROWS:
            group, filled = [], 0
            groups.append(group)
        group.append(request)
        open_groups[key] = (group, filled + rows)
    return groups


def joined(parts: Sequence[Feeds], total: int) -> dict[str, Tensor]:
    """The tensors of several requests below each other; `total` is the sum of their rows."""
    return {name: _join(tensor, [part[name].data for part in parts], total) for name, tensor in parts[0].items()}


def _join(like: Tensor, parts: Sequence[Any], total: int) -> Tensor:
    shape = (total, *like.shape[1:])
    if like.dtype == "string":
        return Tensor(dtype="string", shape=shape, data=[text for part in parts for text in part])
    code = {"float64": "d", "int64": "q"}[like.dtype]
    return Tensor(dtype=like.dtype, shape=shape, data=array(code, b"".join(parts)))
