"""Zip archives of other makers: their directory is read strictly before any entry is."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from ambidex.errors import ArtifactError, expected

if TYPE_CHECKING:
    from zipfile import ZipFile, ZipInfo

MOST_ENTRIES = 10_000
MOST_GROWTH = 50
"""How much larger than the archive everything in it may be; weights that a zip makes that much smaller are rare."""

_FIRST, _END = b"PK\3\4", b"PK\5\6"
_END_BYTES = 22
_ENCRYPTED = 1


def open_zip(path: str, what: str) -> ZipFile:
    """The archive; `what` is called so in messages.

    Raises `ArtifactError` for what is no zip from its first byte to its last, and for entries that are links, lie
    elsewhere, come twice, are encrypted, or unpack to far more than the archive's size.
    """
    from zipfile import BadZipFile, ZipFile

    _check_ends(path, what)
    try:
        archive = ZipFile(path)
    except (BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise ArtifactError(expected(what, got=f"a damaged zip ({error})", where=path), where=path) from None
    try:
        _check_entries(archive.infolist(), path)
    except BaseException:
        archive.close()
        raise
    return archive


def _check_ends(path: str, what: str) -> None:
    """A program in front of a zip, or anything behind it, would be somebody else's file too."""
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise ArtifactError(expected(what, got="no regular file", where=path), where=path)
    with open(path, "rb") as file:
        first = file.read(len(_FIRST))
        last = b""
        if os.fstat(file.fileno()).st_size >= _END_BYTES:
            file.seek(-_END_BYTES, os.SEEK_END)
            last = file.read(len(_END))
    if first != _FIRST:
        raise ArtifactError(expected(what, got=f"a file that starts with {first!r}", where=path), where=path)
    if last != _END:
        raise refused("truncated, or something follows its end", "the end of a zip at the end", "none", path)


def _check_entries(infos: list[ZipInfo], path: str) -> None:
    if len(infos) > MOST_ENTRIES:
        raise refused("too many entries", f"at most {MOST_ENTRIES}", len(infos), path)
    seen = set()
    for info in infos:
        name = info.orig_filename  # as it is written there; `filename` is what Python makes of it
        parts = name.removesuffix("/").split("/")
        if any(sign in name for sign in "\\:\0") or {"", ".", ".."} & set(parts):
            raise refused("an entry that lies elsewhere", "plain names in the archive", ascii(name), path)
        if name in seen:
            raise refused("a duplicate entry", "every name once", f"{name!a} twice", path)
        seen.add(name)
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            got = "a link" if kind == stat.S_IFLNK else "a special file"
            raise refused("an entry that is no file", f"{name!a} to be a regular file", got, path)
        if info.flag_bits & _ENCRYPTED:
            raise refused("an encrypted entry", f"{name!a} to be readable", "encrypted", path)
    unpacked, limit = sum(info.file_size for info in infos), MOST_GROWTH * os.stat(path).st_size
    if unpacked > limit:
        raise refused("it unpacks to too much", f"at most {limit} bytes", unpacked, path)


def refused(reason: str, what: str, got: object, path: str) -> ArtifactError:
    """The error of a file that is read strictly."""
    return ArtifactError(f"Refused, {reason}: {expected(what, got=got, where=path)}", where=path)
