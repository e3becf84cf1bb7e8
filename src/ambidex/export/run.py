"""Runs a target's two functions, in this process or, where it has an engine, in fresh ones."""

from __future__ import annotations

import time
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import cast

from ambidex.backends.source import Arrays, Options, Source
from ambidex.backends.target_process import answer_apart, write_apart
from ambidex.errors import BackendError
from ambidex.export.target import Exporter, Target


def is_installed(target: Target) -> bool:
    """Whether all packages of the target are here; loads none of them."""
    return all(find_spec(package) for package in target.packages)


def check_installed(target: Target) -> None:
    """A `BackendError` with the line for pip where a package is missing."""
    if not is_installed(target):
        raise BackendError(f"Target {target.name!r} needs {target.needs}: pip install '{target.needs}'.")


def checked_in(target: Target) -> str:
    """What `answer` runs here."""
    found = (words for package, words in target.runtimes if not package or find_spec(package))
    return next(found, target.checked_in)


def write(target: Target, source: Source, output: Path, options: Options) -> float:
    """Writes the model to a path that does not exist yet; the seconds it took, imports not counted."""
    if target.engine:
        return write_apart(target.module, source, output, options, packages=target.packages)
    exporter = _exporter(target)
    for package in target.packages:
        import_module(package)
    began = time.perf_counter()
    exporter.write(source, output, options)
    return time.perf_counter() - began


def answer(target: Target, output: Path, source: Source, batches: Sequence[Arrays]) -> list[Arrays]:
    """What the written model gives for each batch, in the target's own runtime."""
    if target.engine:
        return answer_apart(target.module, output, source, batches)
    return _exporter(target).answer(output, source, batches)


def _exporter(target: Target) -> Exporter:
    return cast(Exporter, import_module(target.module))
