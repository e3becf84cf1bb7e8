"""Counters and histograms in Prometheus' text format.

Written here in a hundred lines because the usual client library costs tens of milliseconds to import, more than the
rest of this server, and takes locks that one thread does not need.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence

LATENCY_BOUNDS = (
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip
SIZE_BOUNDS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0)

Labels = tuple[str, ...]


Sample = tuple[str, str, str]
"""A name, its labels as they stand between braces, and a value."""
Family = tuple[str, list[Sample]]
"""The lines that introduce a metric, and its samples."""


class Counter:
    """A number per combination of labels that only grows."""

    kind = "counter"

    def __init__(self, name: str, text: str, labels: Labels) -> None:
        self.name, self.text, self.labels = name, text, labels
        self.values: dict[Labels, float] = {}

    def add(self, key: Labels, amount: float = 1) -> None:
        self.values[key] = self.values.get(key, 0) + amount

    def samples(self) -> Iterable[Sample]:
        for key, value in sorted(self.values.items()):
            yield self.name, _pairs(self.labels, key), _number(value)


class Histogram:
    """How often values fell below each bound, per combination of labels."""

    kind = "histogram"

    def __init__(self, name: str, text: str, labels: Labels, bounds: tuple[float, ...]) -> None:
        self.name, self.text, self.labels, self.bounds = name, text, labels, bounds
        self.counts: dict[Labels, list[int]] = {}
        self.sums: dict[Labels, float] = {}

    def observe(self, key: Labels, value: float) -> None:
        counts = self.counts.get(key)
        if counts is None:
            counts = self.counts[key] = [0] * (len(self.bounds) + 1)
            self.sums[key] = 0.0
        counts[bisect_left(self.bounds, value)] += 1
        self.sums[key] += value

    def samples(self) -> Iterable[Sample]:
        names = (*self.labels, "le")
        for key, counts in sorted(self.counts.items()):
            total = 0
            for bound, count in zip((*(f"{bound:g}" for bound in self.bounds), "+Inf"), counts, strict=True):
                total += count
                yield f"{self.name}_bucket", _pairs(names, (*key, bound)), str(total)
            yield f"{self.name}_sum", _pairs(self.labels, key), f"{self.sums[key]:.9g}"
            yield f"{self.name}_count", _pairs(self.labels, key), str(total)


class Gauge:
    """A number read at the moment it is asked for."""

    kind = "gauge"

    def __init__(self, name: str, text: str, labels: Labels, read: Callable[[], dict[Labels, float]]) -> None:
        self.name, self.text, self.labels, self.read = name, text, labels, read

    def samples(self) -> Iterable[Sample]:
        for key, value in sorted(self.read().items()):
            yield self.name, _pairs(self.labels, key), _number(value)


class Metrics:
    """Everything `/metrics` shows."""

    def __init__(self) -> None:
        labels = ("route", "model", "status")
        self.requests = Counter("ambidex_requests_total", "Requests answered.", labels)
        self.errors = Counter("ambidex_errors_total", "Error answers by code.", ("code",))
        self.seconds = Histogram(
            "ambidex_request_seconds", "From a request's last byte to its answer.", ("route", "model"), LATENCY_BOUNDS
        )
        self.rows = Counter("ambidex_rows_total", "Rows or series predicted.", ("model",))
        self.batches = Histogram("ambidex_batch_rows", "Rows that shared one run.", ("model",), SIZE_BOUNDS)
        self.counters: list[Counter] = []
        self.gauges: list[Gauge] = []

    def count(self, key: tuple[str, str], status: str, seconds: float) -> None:
        """One request: its route and model, how it ended, and how long it took."""
        self.requests.add((*key, status))
        self.seconds.observe(key, seconds)

    def families(self) -> list[Family]:
        """Everything there is, as plain data that other processes can be told."""
        parts: tuple[Counter | Histogram | Gauge, ...] = (
            self.requests,
            self.errors,
            self.seconds,
            self.rows,
            self.batches,
            *self.counters,
            *self.gauges,
        )
        return [
            (f"# HELP {part.name} {part.text}\n# TYPE {part.name} {part.kind}\n", list(part.samples()))
            for part in parts
        ]


def page(processes: Mapping[int, Sequence[Family]]) -> bytes:
    """The whole page; `process` tells those of a supervisor apart, whose numbers begin with 1.

    They are not added up: a sum would fall when one of them starts anew, and look like an overflow of all counters.
    """
    lines: dict[str, list[str]] = {}
    for number, families in processes.items():
        label = f'process="{number}"' if number else ""
        for head, samples in families:
            found = lines.setdefault(head, [])
            for name, pairs, value in samples:
                inside = ",".join(filter(None, (pairs, label)))
                found.append(f"{name}{{{inside}}} {value}\n" if inside else f"{name} {value}\n")
    return "".join(head + "".join(found) for head, found in lines.items()).encode()


def _number(value: float) -> str:
    """A value with every digit it has: a count in millions and a time in seconds must not be rounded."""
    return str(int(value)) if value == int(value) else repr(value)


def _pairs(names: Labels, key: Labels) -> str:
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in zip(names, key, strict=True))


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
