"""Below which versions a library is not given a file of others to read: there, known holes let the file do more."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version

from ambidex.errors import BackendError, expected

SAFE: dict[str, tuple[str, ...]] = {
    "keras": ("3.12.3", "3.15.1"),  # CVE-2026-1462, -1669, -12480, and the archives' links and bombs
    "onnx": ("1.21",),  # CVE-2026-27489, -34445, -34446, -34447
    "skops": ("0.12",),  # CVE-2025-54412
    "torch": ("2.10",),  # CVE-2025-32434, CVE-2026-24747
}
"""The first version of each line that is safe; only the last line goes on."""


def check_versions(packages: Iterable[str]) -> None:
    """Raises `BackendError` for a version with known holes. Loads nothing; what is not installed is no matter here."""
    for package in packages:
        if package not in SAFE:
            continue
        try:
            found = version(package)
        except PackageNotFoundError:
            continue
        if not is_safe(package, found):
            *patched, newest = SAFE[package]
            also = f" (or {', '.join(patched)})" if patched else ""
            fix = f"Older versions have known holes: pip install -U {package}."
            what = f"{package} >= {newest}{also} to read a file of others"
            raise BackendError(expected(what, got=found, fix=fix))


def is_safe(package: str, found: str) -> bool:
    """Whether this version is in a safe line: at least the newest's first, or a patch of an older one."""
    *patched, newest = map(_numbers, SAFE[package])
    given = _numbers(found)
    return given >= newest or any(given[:2] == line[:2] and given >= line for line in patched)


def _numbers(text: str) -> tuple[int, ...]:
    """`2.13.0+cpu` as (2, 13, 0). A candidate (`3.15.1rc1`) counts as what it is a candidate for."""
    found = re.match(r"\d+(\.\d+)*", text)
    return tuple(int(part) for part in found[0].split(".")) if found else ()
