"""Networks that a user's own Python files make, compared in a process of their own: `file.py:name`.

Reading such a file runs it, so nobody gets here without having said that it is trusted. The other side of `run` is
`python -m ambidex.exchange.script FOLDER`: `told.json` in, `explanation.json` or `error.json` out.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

import ambidex
from ambidex import errors
from ambidex.backends.foreign import framework_of
from ambidex.backends.registry import load_foreign
from ambidex.backends.subprocess import Failure
from ambidex.errors import AmbidexError, BackendError, DataError, InputFileError, UsageError, expected
from ambidex.exchange.explain import explain_diff
from ambidex.exchange.record import Explanation
from ambidex.exchange.sample import random_sample

TIMEOUT_S = 600


class Told(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to compare: `file.py:name` or an artifact's path each, and rows in an `.npy` or a table, if any."""

    a: str
    b: str
    data: str = ""
    by: str = "order"


def is_script(text: str) -> bool:
    """Whether a text means a network in a Python file."""
    return ".py:" in text


def run(told: Told) -> Explanation:
    """The comparison, made in a fresh process.

    Raises what went wrong there, or a `BackendError` where it died without a word.
    """
    with tempfile.TemporaryDirectory(prefix="ambidex-") as name:
        folder = Path(name)
        (folder / "told.json").write_bytes(msgspec.json.encode(told))
        source = str(Path(ambidex.__file__).parent.parent)
        paths = os.pathsep.join(part for part in (source, os.environ.get("PYTHONPATH", "")) if part)
        command = [sys.executable, "-m", "ambidex.exchange.script", name]
        try:
            done = subprocess.run(  # noqa: S603 - our own module, by our own interpreter
                command,
                env={**os.environ, "PYTHONPATH": paths},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise UsageError(expected(f"scripts that end within {TIMEOUT_S} s", got="none")) from None
        if (folder / "error.json").exists():
            failure = msgspec.json.decode((folder / "error.json").read_bytes(), type=Failure)
            kind: type[AmbidexError] = getattr(errors, failure.kind, BackendError)
            raise kind(failure.message)
        if done.returncode != 0:
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise BackendError(expected("the scripts' process to finish", got=f"status {done.returncode} ({last})"))
        return msgspec.json.decode((folder / "explanation.json").read_bytes(), type=Explanation)


def main(folder: Path) -> int:
    """Compares what `told.json` names; 1 and `error.json` where that fails."""
    told = msgspec.json.decode((folder / "told.json").read_bytes(), type=Told)
    try:
        explanation = _compare(told)
    except AmbidexError as error:
        failure = Failure(kind=type(error).__name__, message=error.message)
        (folder / "error.json").write_bytes(msgspec.json.encode(failure))
        return 1
    (folder / "explanation.json").write_bytes(msgspec.json.encode(explanation))
    return 0


def _compare(told: Told) -> Explanation:
    if find_spec("torch") is not None:
        load_foreign("torch")  # before tensorflow, which a script may import: the other order can hang
    found = {text: _network(text) for text in (told.a, told.b) if is_script(text)}
    framework = framework_of(next(iter(found.values())))
    for text in (told.a, told.b):
        if text not in found:
            artifact = ambidex.load(text)
            found[text] = artifact.to_torch() if framework == "torch" else artifact.to_keras()
    return msgspec.structs.replace(
        explain_diff(found[told.a], found[told.b], _rows(told, found), by=told.by), a=told.a, b=told.b
    )


def _network(text: str) -> Any:
    """The object of that name in a file, or what it gives when it is called without arguments."""
    path, _, name = text.rpartition(":")
    if not Path(path).is_file():
        raise InputFileError(expected("a Python file", got=repr(path)))
    spec = importlib.util.spec_from_file_location(Path(path).stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(Path(path).resolve().parent))
    try:
        spec.loader.exec_module(module)
        found = getattr(module, name, None)
        made = found() if callable(found) and not _is_network(found) else found
    except AmbidexError:
        raise
    except BaseException as error:  # noqa: BLE001 - a script may raise anything, SystemExit too
        got = f"{type(error).__name__}: {error}"
        raise UsageError(expected("a script that runs", got=got, where=path)) from None
    if made is None:
        raise UsageError(expected(f"a network called {name!r}", got="none", where=path))
    framework_of(made)
    return made


def _is_network(found: Any) -> bool:
    """Networks can be called too; a class of them is no network yet."""
    if isinstance(found, type):
        return False
    try:
        framework_of(found)
    except UsageError:
        return False
    return True


def _rows(told: Told, networks: dict[str, Any]) -> Any:
    if told.data.endswith(".npy"):
        try:
            return np.load(told.data, allow_pickle=False)
        except (OSError, ValueError) as error:
            raise InputFileError(expected("an array", got=str(error), where=told.data)) from None
    if told.data:
        from ambidex.data.read import read_table

        columns = read_table(told.data).columns()
        try:
            return np.stack([np.asarray(values, np.float64) for values in columns.values()], axis=1)
        except ValueError as error:
            raise DataError(expected("numbers in every column", got=str(error), where=told.data)) from None
    for network in networks.values():
        if framework_of(network) == "keras":
            return random_sample(load_foreign("keras").input_specs(network))
    raise UsageError(expected("rows, since a PyTorch module does not say what it takes", got="none", where="--data"))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
