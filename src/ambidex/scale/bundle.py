"""Files on their way to other machines: a model's file, or a folder of them, as names and bytes."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from ambidex.errors import InputFileError, expected


class Bundle(NamedTuple):
    """A file (its one key is empty) or a folder called `name`: relative paths with `/`, and what they hold."""

    name: str
    files: dict[str, bytes]


def pack(path: Path) -> Bundle:
    """Reads a file, or all files of a folder but hidden ones. Raises `InputFileError`."""
    name = path.absolute().name
    try:
        if not path.is_dir():
            return Bundle(name, {"": path.read_bytes()})
        parts = {file.relative_to(path): file for file in sorted(path.rglob("*")) if file.is_file()}
        shown = {part: file for part, file in parts.items() if not any(one.startswith(".") for one in part.parts)}
        return Bundle(name, {part.as_posix(): file.read_bytes() for part, file in shown.items()})
    except OSError as error:
        raise InputFileError(expected("files to read", got=error.strerror, where=str(path)), where=str(path)) from error


def unpack(bundle: Bundle, folder: Path) -> Path:
    """Writes the bundle into the folder and returns its path there, which ends as the packed one did."""
    top = folder / bundle.name
    for part, content in bundle.files.items():
        path = top / part if part else top
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return top
