"""The other side of `backends.subprocess`: `python -m ambidex.backends.worker ENGINE FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from ambidex.backends.registry import load_edition
from ambidex.backends.source import read_arrays, write_arrays
from ambidex.backends.subprocess import fail_with
from ambidex.errors import AmbidexError
from ambidex.graph import Graph


def main(engine: str, folder: Path) -> int:
    """Computes `raw-N.npz` for every `prepared-N.npz` of the folder; 1 and `error.json` where that fails."""
    try:
        _run(engine, folder)
    except AmbidexError as error:
        return fail_with(error, folder)
    return 0


def _run(engine: str, folder: Path) -> None:
    raw_outputs = load_edition(engine)
    graph = msgspec.json.decode((folder / "graph.json").read_bytes(), type=Graph)
    weights = read_arrays(folder / "weights.npz")
    for number in range(len(list(folder.glob("prepared-*.npz")))):
        prepared = read_arrays(folder / f"prepared-{number}.npz")
        write_arrays(folder / f"raw-{number}.npz", raw_outputs(graph, weights, prepared))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
