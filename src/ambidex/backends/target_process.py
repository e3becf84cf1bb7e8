"""A target's two functions, each in a fresh process: engines never meet, and what answers is not what wrote."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from ambidex.backends.source import Arrays, Options, Source, read_arrays, write_arrays, write_source
from ambidex.backends.subprocess import run_module

WORKER = "ambidex.backends.target_worker"
TIMEOUT_S = 1800
"""Writing unrolled networks takes some engines minutes."""


def write_apart(module: str, source: Source, output: Path, options: Options, *, packages: Sequence[str] = ()) -> float:
    """Runs `module.write`; the seconds it took, the imports of `packages` not counted.

    Raises what the other process raised, by class, or a `BackendError` where it died without a word.
    """
    with tempfile.TemporaryDirectory(prefix="ambidex-") as name:
        folder = Path(name)
        write_source(folder, source)
        (folder / "options.json").write_bytes(msgspec.json.encode(options))
        (folder / "packages.json").write_bytes(msgspec.json.encode(list(packages)))
        _run("write", module, folder, output)
        return msgspec.json.decode((folder / "seconds.json").read_bytes(), type=float)


def answer_apart(module: str, output: Path, source: Source, batches: Sequence[Arrays]) -> list[Arrays]:
    """Runs `module.answer` on the batches; raises as `write_apart` does."""
    with tempfile.TemporaryDirectory(prefix="ambidex-") as name:
        folder = Path(name)
        write_source(folder, source)
        for number, batch in enumerate(batches):
            write_arrays(folder / f"batch-{number}.npz", batch)
        _run("answer", module, folder, output)
        return [read_arrays(folder / f"answer-{number}.npz") for number in range(len(batches))]


def _run(verb: str, module: str, folder: Path, output: Path) -> None:
    command = [WORKER, verb, module, str(folder), str(output.absolute())]
    run_module(f"{verb} of {module}", command, folder, timeout_s=TIMEOUT_S)
