"""What every measuring process is given: a folder with the plan, the network and the rows, equal for all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from ambidex.backends.source import read_arrays, write_arrays
from ambidex.compare.column import DIVISIONS, Division
from ambidex.graph import Graph
from ambidex.training.feed import Feed, Source, gather
from ambidex.training.plan import Plan

Array = npt.NDArray[Any]
TARGET, WEIGHT, INPUT = "target", "weight", "input:"


class Job(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`plan` holds batch size, epochs, threads, device and precision of both divisions; the rest of it is Matched's.

    A run has `blocks` of predictions. Each calls with one row and then with `many_rows`, at most `one_row_calls` and
    `many_rows_calls` times and no longer than `block_s` seconds each.
    """

    plan: Plan
    loss: str
    quantiles: tuple[float, ...] = ()
    is_classification: bool = False
    blocks: int = 5
    block_s: float = 0.2
    one_row_calls: int = 100
    many_rows: int = 1000
    many_rows_calls: int = 10


@dataclass(frozen=True, kw_only=True)
class Samples:
    """Rows or windows as whole arrays: inputs by prepared name, (N, …); the encoded target; a weight each or None."""

    inputs: Mapping[str, Array]
    target: Array
    weight: Array | None = None

    def __len__(self) -> int:
        return len(self.target)

    def feed(self) -> Feed:
        """The samples as a trainer takes them."""
        inputs = {name: Source(array=array) for name, array in self.inputs.items()}
        return Feed(num_samples=len(self), inputs=inputs, target=Source(array=self.target), weight=self.weight)

    def repeated(self, count: int) -> dict[str, Array]:
        """The inputs of the first `count` samples, beginning again where there are fewer."""
        index = np.arange(count) % len(self)
        return {name: array[index] for name, array in self.inputs.items()}


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A job with the networks of its divisions and its samples."""

    job: Job
    train: Samples
    validation: Samples
    graphs: Mapping[Division, Graph] = field(default_factory=dict)


def take_samples(feed: Feed, count: int, *, seed: int) -> Samples:
    """At most `count` samples of a feed, drawn by `seed`, in their order; windows are cut out."""
    chosen = np.arange(feed.num_samples)
    if feed.num_samples > count:
        chosen = np.sort(np.random.default_rng([seed, 0x636F6D70]).choice(feed.num_samples, count, replace=False))
    assert feed.target is not None
    inputs = {name: _narrow(gather(source, chosen, feed.starts)) for name, source in feed.inputs.items()}
    target = _narrow(gather(feed.target, chosen, feed.starts))
    return Samples(inputs=inputs, target=target, weight=None if feed.weight is None else feed.weight[chosen])


def _narrow(array: Array) -> Array:
    """Numbers as float32, which is what every framework computes in; codes stay int64."""
    return np.ascontiguousarray(array, dtype=np.float32 if array.dtype.kind == "f" else array.dtype)


def write_job(folder: Path, prepared: Prepared) -> None:
    """Writes everything into the folder."""
    (folder / "job.json").write_bytes(msgspec.json.encode(prepared.job))
    for division, graph in prepared.graphs.items():
        (folder / f"graph-{division}.json").write_bytes(msgspec.json.encode(graph))
    _write_samples(folder / "train.npz", prepared.train)
    _write_samples(folder / "validation.npz", prepared.validation)


def read_job(folder: Path) -> Prepared:
    """Reads it again."""
    graphs = {
        division: msgspec.json.decode(path.read_bytes(), type=Graph)
        for division in DIVISIONS
        if (path := folder / f"graph-{division}.json").exists()
    }
    return Prepared(
        job=msgspec.json.decode((folder / "job.json").read_bytes(), type=Job),
        train=_read_samples(folder / "train.npz"),
        validation=_read_samples(folder / "validation.npz"),
        graphs=graphs,
    )


def _write_samples(path: Path, samples: Samples) -> None:
    arrays = {INPUT + name: array for name, array in samples.inputs.items()} | {TARGET: samples.target}
    write_arrays(path, arrays if samples.weight is None else {**arrays, WEIGHT: samples.weight})


def _read_samples(path: Path) -> Samples:
    arrays = read_arrays(path)
    inputs = {name.removeprefix(INPUT): array for name, array in arrays.items() if name.startswith(INPUT)}
    return Samples(inputs=inputs, target=arrays[TARGET], weight=arrays.get(WEIGHT))
