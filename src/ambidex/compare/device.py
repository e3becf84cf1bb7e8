"""Whether anything can be measured on a device, found out before it is: `python -m ambidex.compare.device` asks."""

from __future__ import annotations

import importlib
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ambidex.backends.registry import BACKENDS
from ambidex.backends.subprocess import fail_with, run_module
from ambidex.errors import AmbidexError, BackendError, UsageError, expected


def check_device(name: str, engines: Sequence[str]) -> None:
    """Raises what training raises: `UsageError` for a name, `BackendError` where none of the engines sees the GPU.

    The engines are asked one after the other in processes of their own, until one of them says yes.
    """
    kind, colon, number = name.partition(":")
    if name not in ("auto", "cpu") and (kind != "cuda" or (colon and not number.isdecimal())):
        raise UsageError(expected("auto, cpu, cuda or cuda:N", got=repr(name), where="--device"), where="--device")
    if kind != "cuda":
        return
    refusals: list[AmbidexError] = []
    for engine in engines:
        with tempfile.TemporaryDirectory(prefix="ambidex-") as folder:
            try:
                run_module(engine, ["ambidex.compare.device", engine, name, folder], Path(folder), timeout_s=120)
            except (BackendError, UsageError) as error:
                refusals.append(error)
            else:
                return
    if refusals:
        refusals[0].where = "--device"
        raise refusals[0]


def main(engine: str, name: str, folder: Path) -> int:
    """Asks one engine in this process; 1 and `error.json` in the folder where it refuses."""
    try:
        importlib.import_module(f"{BACKENDS[engine]}._import").require(engine)
        importlib.import_module(f"{BACKENDS[engine]}.device").choose_device(name)
    except AmbidexError as error:
        return fail_with(error, folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
