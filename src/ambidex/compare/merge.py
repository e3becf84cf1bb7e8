"""Several reports on one page, and their samples in one file whose lines say which report they are of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from ambidex.artifact.store import write_whole
from ambidex.compare.comparison import Comparison, read_report
from ambidex.compare.finding import find
from ambidex.compare.run import SAMPLES, check_libraries, check_unused, open_folder, write_report
from ambidex.compare.together import labels


@dataclass(frozen=True, kw_only=True)
class Merged:
    """The reports on the page, what has to be said of the merging, and whether there is a file of samples."""

    comparisons: list[Comparison]
    notes: list[str]
    has_samples: bool


def merge(folder: Path, reports: Sequence[Path]) -> Merged:
    """Writes one page for several reports; one that is given twice counts once.

    Raises `InputFileError` for a file that is no report, `OutputFileError` for a folder that has one already.
    """
    check_libraries()
    check_unused(folder, is_merging=True)
    by_file = [(path, read_report(path)) for path in reports]
    once = {_identity(one): one for _, found in by_file for one in found}
    # Findings follow from figures: words of an earlier version do not stand beside tables of this one.
    comparisons = [msgspec.structs.replace(one, findings=find(one)) for one in once.values()]
    names = dict(zip(once, labels(comparisons), strict=True))
    notes = []
    lines: list[bytes] = []
    done: set[bytes] = set()
    for path, found in by_file:
        keys = dict(zip(labels(found), map(_identity, found), strict=True))
        new = {label: names[key] for label, key in keys.items() if key not in done}
        done.update(keys.values())
        if len(new) < len(keys):
            notes.append(f"what {path} holds was given before; it counts once")
        samples = path.with_name(SAMPLES)
        theirs = list(_labelled(samples, new, is_alone=len(found) == 1)) if new else []
        if new and not theirs:
            names_here = ", ".join(new.values())
            notes.append(f"no samples of {names_here}: {samples} is missing or does not tell whose they are")
        lines += theirs
    open_folder(folder)
    if lines:
        write_whole(folder / SAMPLES, lines)
    write_report(folder, comparisons)
    return Merged(comparisons=comparisons, notes=notes, has_samples=bool(lines))


def _identity(comparison: Comparison) -> bytes:
    return msgspec.json.encode(msgspec.structs.replace(comparison, findings=()))


def _labelled(path: Path, new: dict[str, str], *, is_alone: bool) -> Iterator[bytes]:
    """The lines of a file with the label of their report; lines of a merged file name it already, by an older label."""
    if not path.is_file():
        return
    for line in path.read_bytes().splitlines():
        try:
            record: dict[str, Any] = msgspec.json.decode(line, type=dict[str, Any])
        except msgspec.DecodeError:  # a line that was cut off
            continue
        old = record.pop("report", None)
        label = next(iter(new.values())) if is_alone else new.get(str(old))
        if label is not None:
            yield msgspec.json.encode({"report": label, **record}) + b"\n"
