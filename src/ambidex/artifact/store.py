"""Writes an artifact all at once or not at all, and reads one without trusting it."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from ambidex.artifact.container import Extent, pack, unpack
from ambidex.artifact.format import ENTRIES, MANIFEST, MAX_FILE_BYTES
from ambidex.artifact.manifest import EntryRecord, Manifest, decode_manifest, encode_manifest
from ambidex.errors import AmbidexError, ArtifactError, InputFileError, OutputFileError, TrainingError, expected

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_READ = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


class OpenArtifact:
    """An artifact whose form, sizes and hashes have been checked; its entries have not been parsed."""

    def __init__(self, path: str, data: bytes, extents: Mapping[str, Extent], manifest: Manifest) -> None:
        self.path = path
        self.manifest = manifest
        self._data = data
        self._extents = extents

    @property
    def data(self) -> bytes:
        """The whole file."""
        return self._data

    def read(self, entry: str) -> bytes:
        """The bytes of an entry, one of `ENTRIES`."""
        start, stop = self._extents[entry]
        return self._data[start:stop]

    @property
    def size_bytes(self) -> int:
        return len(self._data)


def open_artifact(path: str | os.PathLike[str]) -> OpenArtifact:
    """Reads and checks the file once, without parsing any entry but the manifest.

    Raises `InputFileError` if it cannot be read, `ArtifactError` with the reason if it is refused. Nothing in it is
    executed, nothing outside it is read.
    """
    name = os.fspath(path)
    data = _read_file(name)
    try:
        return open_bytes(data, path=name)
    except ArtifactError as error:
        raise ArtifactError(f"{name}: {error.message}", where=name) from error


def open_bytes(data: bytes, *, path: str = "") -> OpenArtifact:
    """Checks the bytes of a file that is in memory; `path` is where they came from, if they did from a file."""
    extents = unpack(data)
    manifest = decode_manifest(data[slice(*extents[MANIFEST])])
    _check_entries(data, extents, manifest)
    return OpenArtifact(path, data, extents, manifest)


def _read_file(path: str) -> bytes:
    try:
        descriptor = os.open(path, _READ)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputFileError(expected("an artifact to read", got=reason, where=path), where=path) from error
    try:
        _check_kind(path, os.fstat(descriptor))
        file = os.fdopen(descriptor, "rb", buffering=0)
    except BaseException:
        os.close(descriptor)
        raise
    with file:
        try:
            data = file.readall()
        except OSError as error:
            raise InputFileError(expected("a readable file", got=error.strerror, where=path), where=path) from error
    if not data:
        raise ArtifactError(expected("an artifact", got="an empty file", where=path), where=path)
    return data


def _check_kind(path: str, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "something else"
        raise InputFileError(expected("a regular file", got=kind, where=path), where=path)
    if status.st_size > MAX_FILE_BYTES:
        got = f"{status.st_size} bytes"
        raise ArtifactError(expected(f"at most {MAX_FILE_BYTES} bytes", got=got, where=path), where=path)


def _check_entries(data: bytes, extents: Mapping[str, Extent], manifest: Manifest) -> None:
    """Sizes and hashes of every entry but the manifest, against the manifest."""
    listed, wanted = set(manifest.entries), set(ENTRIES) - {MANIFEST}
    if listed != wanted:
        odd = sorted(listed ^ wanted)
        raise ArtifactError(expected("every entry once in the manifest", got=f"a difference in {', '.join(odd)}"))
    view = memoryview(data)
    for name, (start, stop) in extents.items():
        if name == MANIFEST:
            continue
        record = manifest.entries[name]
        if record.size_bytes != stop - start:
            raise ArtifactError(expected(f"{record.size_bytes} bytes of {name}", got=stop - start, where=MANIFEST))
        if hashlib.sha256(view[start:stop]).hexdigest() != record.sha256:
            raise ArtifactError(f"Refused, wrong hash: {expected(f'sha256 {record.sha256} of {name}', got='another')}")


def write_artifact(path: str | os.PathLike[str], entries: Mapping[str, bytes], *, manifest: Manifest) -> Manifest:
    """Writes every entry but the manifest, which is completed with sizes and hashes and given back.

    The file appears under its name whole or not at all, and equal entries give equal bytes. Raises `OutputFileError`
    where it cannot be written, `TrainingError` where there is no room for it.
    """
    pieces, complete = _compose(entries, manifest)
    write_whole(path, pieces)
    return complete


def artifact_bytes(entries: Mapping[str, bytes], *, manifest: Manifest) -> bytes:
    """The file that `write_artifact` would write."""
    return b"".join(_compose(entries, manifest)[0])


def _compose(entries: Mapping[str, bytes], manifest: Manifest) -> tuple[Sequence[bytes], Manifest]:
    """The file in pieces, and the manifest with sizes and hashes."""
    wanted = set(ENTRIES) - {MANIFEST}
    if set(entries) != wanted:
        raise ValueError(expected(f"entries {sorted(wanted)}", got=sorted(entries)))
    records = {
        name: EntryRecord(sha256=hashlib.sha256(entries[name]).hexdigest(), size_bytes=len(entries[name]))
        for name in ENTRIES
        if name != MANIFEST
    }
    complete = msgspec.structs.replace(manifest, entries=records)
    return pack({**entries, MANIFEST: encode_manifest(complete)}), complete


def check_writable(path: str | os.PathLike[str]) -> None:
    """Raises `OutputFileError` now if a file could not be written there later. Leaves nothing behind."""
    name = os.fspath(path)
    with translated(name):
        temporary, descriptor = _create_beside(name)
        os.close(descriptor)
        os.unlink(temporary)


def check_apart(output: str | os.PathLike[str], *inputs: str | os.PathLike[str]) -> None:
    """Raises `OutputFileError` where `output` is one of the files read, under whatever name: it would be lost.

    A name that is no regular file (`-`, a pipe, nothing yet) is passed over.
    """
    name = os.fspath(output)
    for given in inputs:
        if _is_same_file(name, os.fspath(given)):
            fix = "Choose another name."
            message = expected("another file than those that are read", got=os.fspath(given), where=name, fix=fix)
            raise OutputFileError(message, where=name)


def _is_same_file(one: str, other: str) -> bool:
    try:
        return os.path.isfile(one) and os.path.samefile(one, other)
    except (OSError, ValueError):
        return False


def write_whole(path: str | os.PathLike[str], pieces: Sequence[bytes]) -> None:
    """Writes the pieces under a temporary name in the same folder, then gives them the name in one step."""
    name = os.fspath(path)
    with translated(name):
        temporary, descriptor = _create_beside(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.writelines(pieces)
                file.flush()
                os.fsync(descriptor)
            os.replace(temporary, name)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
        _sync_folder(os.path.dirname(name) or ".")


def _create_beside(path: str) -> tuple[str, int]:
    """A new file in the folder of `path`, under a name nobody has."""
    if os.path.exists(path) and not os.path.isfile(path):
        kind = "a folder" if os.path.isdir(path) else "something else"
        raise OutputFileError(expected("the name of a file to write", got=kind, where=path), where=path)
    folder, base = os.path.split(path)
    temporary = os.path.join(folder, f".{base[:64]}.{os.urandom(8).hex()}.part")
    return temporary, os.open(temporary, _CREATE, 0o666)


def _sync_folder(folder: str) -> None:
    """Makes the new name durable where folders can be synced."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def translated(path: str) -> Iterator[None]:
    """Turns the system's refusals to write into ours."""
    try:
        yield
    except AmbidexError:
        raise
    except OSError as error:
        if error.errno in _NO_ROOM:
            fix = "Free some space, or write to another disk."
            raise TrainingError(expected("room on the disk", got=error.strerror, where=path, fix=fix)) from error
        fix = "Create the folder first." if error.errno in {errno.ENOENT, errno.ENOTDIR} else "Choose another place."
        raise OutputFileError(
            expected("a place where a file can be written", got=error.strerror, where=path, fix=fix), where=path
        ) from error
    except ValueError as error:  # a NUL in the name
        raise OutputFileError(expected("the name of a file", got=str(error), where=ascii(path)), where=path) from error
