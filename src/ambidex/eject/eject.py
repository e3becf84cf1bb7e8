"""Writes a model as plain source: the parts, their files, and the folder."""

from __future__ import annotations

import errno
import io
import json
import os
import shutil
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ambidex.arch.linear import NODE as LINEAR_NODE
from ambidex.artifact.store import check_apart
from ambidex.eject.layout import Part, as_one
from ambidex.eject.minimal import PAGE, beyond_a_page, minimal_program
from ambidex.eject.predict import predict_lines
from ambidex.eject.preparation import Learnt
from ambidex.eject.readme import readme, requirements
from ambidex.eject.series_data import series_lines
from ambidex.eject.solve import solve_lines
from ambidex.eject.source import Array, Stored
from ambidex.eject.subject import TITLES, Framework, Subject, check, check_framework, subject_of
from ambidex.eject.table_data import table_lines
from ambidex.errors import AmbidexError, OutputFileError, TrainingError, expected
from ambidex.graph import initial_weights
from ambidex.graph.storage import arrays_to_bytes

if TYPE_CHECKING:
    from ambidex.workflow.load import Artifact

LEARNT_FILE = "preparation.json"


@dataclass(frozen=True, kw_only=True)
class Ejected:
    """What was written: the folder, its files, the lines of each source file, and what is not as one would expect."""

    path: Path
    framework: Framework
    files: tuple[str, ...]
    lines: dict[str, int]
    notes: tuple[str, ...] = ()


def eject(artifact: Artifact, framework: str, folder: str | os.PathLike[str], *, minimal: bool = False) -> Ejected:
    """Writes the model as a program of its own to a folder that does not exist yet, or is empty.

    Raises `UsageError` for an unknown framework or what cannot be written as source, `OutputFileError` where the
    folder cannot be written; then nothing is left behind.
    """
    chosen = check_framework(framework)
    subject = subject_of(artifact)
    check(subject, chosen, minimal=minimal)
    path = Path(folder)
    check_apart(path, artifact.path)
    _check_free(path)
    files = {name: text.encode() for name, text in sources(subject, chosen, minimal=minimal).items()}
    files |= weight_files(subject, chosen, artifact.weights, minimal=minimal)
    _write(path, files)
    lines = {name: data.count(b"\n") for name, data in files.items() if name.endswith(".py")}
    notes = _notes(subject, max(lines.values())) if minimal else ()
    return Ejected(path=path, framework=chosen, files=tuple(sorted(files)), lines=lines, notes=notes)


def _notes(subject: Subject, lines: int) -> tuple[str, ...]:
    """Why a page has become longer than one, if it has."""
    if lines <= PAGE:
        return ()
    why = " and ".join(beyond_a_page(subject)) or "the settings of this model"
    return (f"{lines} lines, more than the {PAGE} of a page: {why} take the rest",)


def sources(subject: Subject, framework: Framework, *, minimal: bool = False, name: str = "model") -> dict[str, str]:
    """Every text file by name, for a graph and its plan: `<name>.py`, learnt constants, requirements and README.

    No weights are needed.
    """
    learnt = Learnt()
    if minimal:
        doc, parts = minimal_program(subject, framework, learnt, name)
    else:
        doc, parts = _doc(subject, framework, name), program(subject, framework, learnt)
    files = as_one(name, doc, parts)
    if learnt.constants:
        files[LEARNT_FILE] = json.dumps(learnt.constants, ensure_ascii=False, indent=1) + "\n"
    files["requirements.txt"] = requirements(subject, framework, minimal=minimal)
    files["README.md"] = readme(subject, framework, files, minimal=minimal)
    return files


def program(subject: Subject, framework: Framework, learnt: Learnt) -> list[Part]:
    """The parts of the complete program, in the order in which they depend on each other."""
    edition = import_module(f"ambidex.eject.{framework}.network")
    network = edition.network_lines(subject.graph, doc=f"{subject.experiment.model} for {subject.title()}.")
    if framework == "keras":
        network += ["", "", *import_module("ambidex.eject.keras.predict").LOAD.strip("\n").split("\n")]
    lines_of = series_lines if subject.is_series else table_lines
    data = lines_of(subject, learnt, for_training=True)
    if subject.is_solved:
        train = solve_lines(subject, framework)
    else:
        train = import_module(f"ambidex.eject.{framework}.train").train_lines(subject)
    head = ["HERE = Path(__file__).parent"]
    if learnt.constants:
        head.append(f'LEARNT = json.loads((HERE / "{LEARNT_FILE}").read_text(encoding="utf-8"))')
    if any("SEED" in line for line in data):
        head.append(f"SEED = {subject.plan.seed}")
        train = [line for line in train if not line.startswith("SEED = ")]
    return [
        Part(title="", lines=tuple(head)),
        Part(title="The network", lines=tuple(network)),
        Part(title="The data: from a CSV file to NumPy arrays, and back to answers", lines=tuple(data)),
        Part(title="Training", lines=tuple(_renamed(train, "train_main"))),
        Part(title="Prediction", lines=tuple(_renamed(predict_lines(subject, framework), "predict_main"))),
        Part(title="", lines=_MAIN),
    ]


_MAIN = (
    "def main():",
    '    commands = {"train": train_main, "predict": predict_main}',
    "    if len(sys.argv) < 2 or sys.argv[1] not in commands:",
    "        sys.exit(__doc__)",
    "    commands[sys.argv.pop(1)]()",
)


def _renamed(lines: Iterable[str], name: str) -> list[str]:
    """The lines with their `main` under another name: the two of them become commands."""
    return [line.replace("def main():", f"def {name}():") for line in lines]


def _doc(subject: Subject, framework: Framework, name: str) -> str:
    """The docstring of the program."""
    title = f"Predicts {subject.title()} with {subject.experiment.model} in {TITLES[framework]}."
    usage = [f"python {name}.py {command} DATA.csv" for command in ("train", "predict")]
    return "\n".join([title, "", *usage])


# Weights


def weight_files(
    subject: Subject, framework: Framework, weights: Mapping[str, Array], *, minimal: bool = False
) -> dict[str, bytes]:
    """`weights.*` and, for a program that trains, `initial.*`: what the run began with."""
    edition = import_module(f"ambidex.eject.{framework}.network")
    suffix, pack = {"torch": ("safetensors", arrays_to_bytes), "keras": ("npz", npz_bytes)}[framework]
    files = {f"weights.{suffix}": pack(edition.state(subject.graph, weights))}
    if not minimal and not subject.is_solved:
        solved = {name: array for name, array in weights.items() if name.startswith(f"{LINEAR_NODE}.")}
        initial = {**initial_weights(subject.graph, subject.plan.seed), **solved}
        files[f"initial.{suffix}"] = pack(edition.state(subject.graph, initial))
    return files


def npz_bytes(arrays: Stored) -> bytes:
    """NumPy's `.npz` with fixed dates: equal arrays give equal bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            entry = io.BytesIO()
            np.lib.format.write_array(entry, np.ascontiguousarray(array), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0)), entry.getvalue())
    return buffer.getvalue()


# The folder


def _check_free(path: Path) -> None:
    """Raises `OutputFileError` where something is in the way."""
    if not path.exists() and not path.is_symlink():
        return
    fix = "Choose another folder, or remove it first."
    if not path.is_dir():
        raise OutputFileError(expected("a folder to create", got="a file", where=str(path), fix=fix), where=str(path))
    if any(path.iterdir()):
        message = expected("a folder that is new or empty", got="one with files in it", where=str(path), fix=fix)
        raise OutputFileError(message, where=str(path))


def _write(path: Path, files: Mapping[str, bytes]) -> None:
    """All files under another name beside the folder, which then takes its place in one step."""
    aside = path.with_name(f".{path.name[:64]}.{os.urandom(8).hex()}.part")
    try:
        aside.mkdir()
        for name, data in files.items():
            (aside / name).write_bytes(data)
        if path.is_dir():
            path.rmdir()
        aside.rename(path)
    except BaseException as error:
        shutil.rmtree(aside, ignore_errors=True)
        if isinstance(error, OSError):
            raise _translated(error, path) from error
        raise


def _translated(error: OSError, path: Path) -> AmbidexError:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        fix = "Free some space, or write to another disk."
        return TrainingError(expected("room on the disk", got=error.strerror, where=str(path), fix=fix))
    fix = "Create the folder above it first." if not path.parent.is_dir() else "Choose another place."
    message = expected("a place where a folder can be written", got=error.strerror, where=str(path), fix=fix)
    return OutputFileError(message, where=str(path))
