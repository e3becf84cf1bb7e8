"""The other side of `backends.target_process`: `python -m ambidex.backends.target_worker VERB MODULE FOLDER OUTPUT`."""

from __future__ import annotations

import os
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec

from ambidex.artifact.store import translated
from ambidex.backends.source import Options, read_arrays, read_source, write_arrays
from ambidex.backends.subprocess import fail_with
from ambidex.errors import AmbidexError


def main(verb: str, module: str, folder: Path, output: Path) -> int:
    """Runs one function of a target on what lies in the folder; 1 and `error.json` where that fails."""
    try:
        with translated(str(output)):
            VERBS[verb](module, folder, output)
    except AmbidexError as error:
        return fail_with(error, folder)
    return 0


def _write(module: str, folder: Path, output: Path) -> None:
    source = read_source(folder)
    options = msgspec.json.decode((folder / "options.json").read_bytes(), type=Options)
    exporter: Any = import_module(module)
    for package in msgspec.json.decode((folder / "packages.json").read_bytes(), type=list[str]):
        import_module(package)
    began = time.perf_counter()
    exporter.write(source, output, options)
    (folder / "seconds.json").write_bytes(msgspec.json.encode(time.perf_counter() - began))


def _answer(module: str, folder: Path, output: Path) -> None:
    source = read_source(folder)
    count = len(list(folder.glob("batch-*.npz")))
    batches = [read_arrays(folder / f"batch-{number}.npz") for number in range(count)]
    exporter: Any = import_module(module)
    for number, answers in enumerate(exporter.answer(output, source, batches)):
        write_arrays(folder / f"answer-{number}.npz", answers)


VERBS = {"write": _write, "answer": _answer}


if __name__ == "__main__":
    status = main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # everything is written; frameworks take a second or more to take themselves apart
