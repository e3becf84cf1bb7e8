"""An engine's edition in a process of its own, for when this one has loaded another engine or none.

The protocol is a folder: `graph.json`, `weights.npz`, `prepared-0.npz`, … in; `raw-0.npz`, … or `error.json` out.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np

import ambidex
from ambidex import errors
from ambidex.backends.registry import check_backend
from ambidex.graph import Graph
from ambidex.graph.op import Array

# A model that takes longer than this for a few hundred rows is stuck; importing an engine takes seconds.
TIMEOUT_S = 600
KEY = "="
"""Before each name in an `.npz`, whose writer takes a few names for itself."""


class Failure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What went wrong over there: the name of a class of `ambidex.errors`, and its message."""

    kind: str
    message: str


def run_edition(
    engine: str,
    graph: Graph,
    weights: Mapping[str, Array],
    prepared_batches: Sequence[Mapping[str, Array]],
    *,
    timeout_s: float = TIMEOUT_S,
) -> list[dict[str, Array]]:
    """The raw outputs of each batch of prepared values, computed by `engine` in a fresh process.

    Raises what the other process raised, by class, or a `BackendError` where it died without a word.
    """
    check_backend(engine)
    with tempfile.TemporaryDirectory(prefix="ambidex-") as name:
        folder = Path(name)
        (folder / "graph.json").write_bytes(msgspec.json.encode(graph))
        write_arrays(folder / "weights.npz", weights)
        for number, prepared in enumerate(prepared_batches):
            write_arrays(folder / f"prepared-{number}.npz", {key: prepared[key] for key in graph.prepared})
        _start_worker(engine, folder, timeout_s)
        return [read_arrays(folder / f"raw-{number}.npz") for number in range(len(prepared_batches))]


def write_arrays(path: Path, arrays: Mapping[str, Array]) -> None:
    """Arrays by name into an `.npz`."""
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **{KEY + name: np.asarray(array) for name, array in arrays.items()})


def read_arrays(path: Path) -> dict[str, Array]:
    """The arrays of an `.npz` by name; data only, nothing in it can run."""
    with np.load(path, allow_pickle=False) as file:
        return {name.removeprefix(KEY): file[name] for name in file.files}


def _start_worker(engine: str, folder: Path, timeout_s: float) -> None:
    source = str(Path(ambidex.__file__).parent.parent)
    paths = os.pathsep.join(part for part in (source, os.environ.get("PYTHONPATH", "")) if part)
    # The child settles its engine itself: what this process was told about Keras does not count there.
    env = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"} | {"PYTHONPATH": paths}
    command = [sys.executable, "-m", "ambidex.backends.worker", engine, str(folder)]
    try:
        done = subprocess.run(  # noqa: S603 - our own module, by our own interpreter
            command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired:
        raise errors.BackendError(
            errors.expected(f"an answer of {engine} within {timeout_s:g} s", got="none", where="its own process")
        ) from None
    if done.returncode != 0:
        _raise_failure(engine, folder, done)


def _raise_failure(engine: str, folder: Path, done: subprocess.CompletedProcess[str]) -> None:
    path = folder / "error.json"
    if not path.exists():
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        what = f"status {done.returncode} ({last})"
        raise errors.BackendError(errors.expected(f"{engine} to finish", got=what, where="its own process"))
    failure = msgspec.json.decode(path.read_bytes(), type=Failure)
    kind: type[errors.AmbidexError] = getattr(errors, failure.kind, errors.BackendError)
    raise kind(failure.message)
