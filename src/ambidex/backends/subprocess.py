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

import ambidex
from ambidex import errors
from ambidex.backends.registry import check_backend
from ambidex.backends.source import read_arrays, write_arrays
from ambidex.graph import Graph
from ambidex.graph.op import Array

# A model that takes longer than this for a few hundred rows is stuck; importing an engine takes seconds.
TIMEOUT_S = 600


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
        run_module(engine, ["ambidex.backends.worker", engine, str(folder)], folder, timeout_s=timeout_s)
        return [read_arrays(folder / f"raw-{number}.npz") for number in range(len(prepared_batches))]


def run_module(what: str, command: Sequence[str], folder: Path, *, timeout_s: float) -> None:
    """Runs one of our modules, by its dotted path, with arguments in a fresh interpreter; `what` is named in errors.

    Raises the error that it left in `folder/error.json`, by class, or a `BackendError` where it died without a word.
    """
    source = str(Path(ambidex.__file__).parent.parent)
    paths = os.pathsep.join(part for part in (source, os.environ.get("PYTHONPATH", "")) if part)
    # The child settles its engine itself: what this process was told about Keras does not count there.
    env = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"} | {"PYTHONPATH": paths}
    # -P: no module of whatever folder this was started in, which may be one that came with a model.
    whole = [sys.executable, "-P", "-m", *command]
    try:
        done = subprocess.run(  # noqa: S603 - our own module, by our own interpreter
            whole, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired:
        raise errors.BackendError(
            errors.expected(f"an answer of {what} within {timeout_s:g} s", got="none", where="its own process")
        ) from None
    if done.returncode != 0:
        _raise_failure(what, folder, done)


def fail_with(error: errors.AmbidexError, folder: Path) -> int:
    """Leaves the error for the process that waits, and gives the exit status that says so."""
    failure = Failure(kind=type(error).__name__, message=error.message)
    (folder / "error.json").write_bytes(msgspec.json.encode(failure))
    return 1


def _raise_failure(what: str, folder: Path, done: subprocess.CompletedProcess[str]) -> None:
    path = folder / "error.json"
    if not path.exists():
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        got = f"status {done.returncode} ({last})"
        raise errors.BackendError(errors.expected(f"{what} to finish", got=got, where="its own process"))
    failure = msgspec.json.decode(path.read_bytes(), type=Failure)
    kind: type[errors.AmbidexError] = getattr(errors, failure.kind, errors.BackendError)
    raise kind(failure.message)
