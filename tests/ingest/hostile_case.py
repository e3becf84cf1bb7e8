"""What a hostile file is, and the two harmless payloads that they all carry."""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass

MARK = "it_ran"
"""A file of this name in the current folder means that something ran, or was written."""
SECRET = "secret.txt"
"""Lies in the current folder; whoever reads it was led there by a hostile file."""
PICKLE = f"cbuiltins\nopen\n(S'{MARK}'\nS'w'\ntR.".encode()
"""A pickle that opens `MARK` for writing while it is read."""
ZEROS = 64 << 20
"""Bytes that the bombs unpack to."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One file: what it is about (a CVE where there is one), and what `import` and `serve` say to it.

    `worker` is what the process of the server says where the server itself lets the file pass, as it does for HDF5.
    """

    make: Callable[[], bytes]
    about: str
    imported: str
    served: str = ""
    worker: str = ""


def zipped(entries: Mapping[str, bytes], *, links: tuple[str, ...] = (), packed: tuple[str, ...] = ()) -> bytes:
    """A zip with fixed dates; `links` are symbolic links to what they hold, `packed` are deflated."""
    return zipped_list(list(entries.items()), links=links, packed=packed)


def zipped_list(
    entries: list[tuple[str, bytes]], *, links: tuple[str, ...] = (), packed: tuple[str, ...] = ()
) -> bytes:
    """The same where a name may come twice."""
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w") as archive:
        warnings.simplefilter("ignore")  # of the name that comes twice
        for name, content in entries:
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.external_attr = (0o120777 if name in links else 0o100644) << 16
            info.compress_type = zipfile.ZIP_DEFLATED if name in packed else zipfile.ZIP_STORED
            archive.writestr(info, content)
    return buffer.getvalue()
