"""The HDF5 file of weights in a `.keras` file, checked before Keras reads it.

HDF5 can name other files, point back at itself, and claim shapes of any size (CVE-2026-0897, CVE-2026-1669,
CVE-2026-12480). What Keras writes needs none of that: groups, and in them numbers that lie in one piece.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from ambidex.artifact.format import MAX_JSON_DEPTH
from ambidex.errors import ArtifactError, BackendError
from ambidex.runtime.keras_file import WEIGHTS
from ambidex.runtime.plain_zip import refused

_NUMBERS = "biuf"
_BFLOAT16 = "|V2"


def check_weights(path: Path) -> None:
    """Raises `ArtifactError` with the reason for any other HDF5 than Keras writes. Reads no weight."""
    try:
        import h5py
    except ImportError:
        raise BackendError("Expected h5py to read a Keras file, got none installed. pip install keras") from None
    with ZipFile(path) as archive:
        raw = archive.read(WEIGHTS)
    try:
        with h5py.File(io.BytesIO(raw), "r") as file:
            _Reader(h5py, str(path), len(raw)).check_group(file, 0)
    except ArtifactError:
        raise
    except Exception as error:  # noqa: BLE001 - a damaged file fails in ways of its own
        reason = " ".join(str(error).split())[:200]
        raise refused("damaged weights", f"an HDF5 file {WEIGHTS}", reason, str(path)) from None


class _Reader:
    """One pass over the groups; `size` are the file's bytes."""

    def __init__(self, h5py: Any, path: str, size: int) -> None:
        self._h5py = h5py
        self._path = path
        self._size = size
        self._seen: set[int] = set()

    def check_group(self, group: Any, depth: int) -> None:
        if depth > MAX_JSON_DEPTH:
            raise self._refused("nested too deeply", f"at most {MAX_JSON_DEPTH} levels", "more", group.name)
        for name in group:
            where = f"{group.name.rstrip('/')}/{name}"
            if not isinstance(group.get(name, getlink=True), self._h5py.HardLink):
                raise self._refused("a link", "weights in the file itself", "a link to others", where)
            found = group[name]
            address = self._h5py.h5o.get_info(found.id).addr
            if address in self._seen:
                raise self._refused("a link", "everything once", "a second name for it", where)
            self._seen.add(address)
            if isinstance(found, self._h5py.Group):
                self.check_group(found, depth + 1)
            elif isinstance(found, self._h5py.Dataset):
                self._check_dataset(found, where)
            else:
                raise self._refused("no weights", "groups and numbers", "a named type", where)

    def _check_dataset(self, found: Any, where: str) -> None:
        if found.is_virtual or found.external:
            raise self._refused("a file outside", "weights in the file itself", "the name of another file", where)
        if found.dtype.kind not in _NUMBERS and found.dtype.str != _BFLOAT16:
            raise self._refused("no weights", "numbers", f"type {found.dtype}", where)
        if found.shape is None or found.id.get_create_plist().get_layout() != self._h5py.h5d.CONTIGUOUS:
            raise self._refused("another layout", "numbers in one piece, as they are", "chunks or filters", where)
        start, wanted = found.id.get_offset(), found.nbytes
        # An empty array has no place in the file.
        if wanted and (start is None or start + wanted > self._size or found.id.get_storage_size() != wanted):
            got = f"shape {found.shape} and {found.id.get_storage_size()} bytes in a file of {self._size}"
            raise self._refused("a shape that its bytes do not have", f"{wanted} bytes", got, where)

    def _refused(self, reason: str, what: str, got: str, where: str) -> ArtifactError:
        return refused(reason, what, got, f"{self._path}, {ascii(where)[1:-1]}")
