"""The target `keras`: the network as a `.keras` file of native layers, which Keras loads in safe mode."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from ambidex.backends.registry import installed
from ambidex.backends.source import Arrays, Options, Source
from ambidex.errors import BackendError, UsageError, expected
from ambidex.graph import run_network

SUFFIX = ".keras"
ENGINES = ("tensorflow", "jax")
"""What a `.keras` file of common layers runs on and ambidex knows."""


def write(source: Source, output: Path, options: Options) -> None:
    """Writes the file: a functional model from prepared tensors to raw outputs, batch and time free where they were.

    Raises `UsageError` for another suffix, by which Keras would not know the file.
    """
    if output.suffix != SUFFIX:
        raise UsageError(expected(f"a name that ends in {SUFFIX}", got=repr(output.name), where="-o"), where="-o")
    # Only writing needs Keras in this process; importing it takes as long as all the rest.
    from ambidex.backends.keras.lower import lower

    lower(source.graph, source.weights).save(output)


def answer(output: Path, source: Source, batches: Sequence[Arrays]) -> list[Arrays]:
    """Raw outputs as Keras computes them on each engine that is installed, in processes without ambidex.

    Of two engines' answers to a batch the one farther from the reference is given, so that a promise that it keeps is
    kept by both.
    """
    engines = [engine for engine in ENGINES if engine in installed()]
    with ThreadPoolExecutor(len(engines)) as pool:
        found = list(pool.map(lambda engine: _run(engine, output, source, batches), engines))
    return [
        max((answers[number] for answers in found), key=lambda raw: _distance(source, batch, raw))
        for number, batch in enumerate(batches)
    ]


def _distance(source: Source, batch: Arrays, raw: Mapping[str, np.ndarray]) -> float:
    exact = run_network(source.graph, batch, source.weights)
    gaps = [np.max(np.abs(exact[name] - raw[name]), initial=0) for name in source.graph.raw_outputs]
    return float(np.nan_to_num(max(gaps), nan=np.inf))


def _run(engine: str, output: Path, source: Source, batches: Sequence[Arrays]) -> list[Arrays]:
    names = source.graph.raw_outputs
    with tempfile.TemporaryDirectory(prefix="ambidex-") as name:
        folder = Path(name)
        job = {"model": str(output.absolute()), "outputs": names, "batches": len(batches)}
        (folder / "job.json").write_text(json.dumps(job))
        for number, batch in enumerate(batches):
            np.savez(folder / f"inputs-{number}.npz", *(batch[entry] for entry in source.graph.prepared))
        _read(engine, folder)
        return [_arrays(folder / f"outputs-{number}.npz", names) for number in range(len(batches))]


def _read(engine: str, folder: Path) -> None:
    reader = Path(__file__).with_name("reader.py")
    env = {**os.environ, "KERAS_BACKEND": engine}
    done = subprocess.run(  # noqa: S603 - our own script, by our own interpreter
        [sys.executable, str(reader), str(folder)], env=env, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise BackendError(expected("Keras to load what it wrote", got=last, where=f"Keras on {engine}"))


def _arrays(path: Path, names: Sequence[str]) -> Arrays:
    with np.load(path) as file:
        return {name: file[f"arr_{position}"] for position, name in enumerate(names)}
