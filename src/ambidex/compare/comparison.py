"""The comparison as one record: `report.json`, from which every page is made again, alone or with other machines'."""

from __future__ import annotations

from pathlib import Path

import msgspec

from ambidex.compare.column import Division
from ambidex.compare.sample import Failure
from ambidex.compare.statistics import Contrast, Interval
from ambidex.errors import InputFileError, expected

FORMAT = 1


class Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A line of the table: the interval of each column that has the quantity, and its contrast with the reference."""

    name: str
    title: str
    unit: str
    kind: str
    how: str
    higher_is_better: bool
    cells: dict[str, Interval]
    contrasts: dict[str, Contrast] = {}


class Sameness(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far a Matched column is from the reference: relative differences, the largest over runs.

    `final_loss` is the largest absolute difference of the last validation loss, `seed_spread` the reference's own
    standard deviation of it over seeds, which is 0 for one run.
    """

    first_step_loss: float
    curve: float
    final_loss: float
    seed_spread: float


class Curve(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The validation loss before training and after each epoch: median, lowest and highest of the runs."""

    median: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


class Compilation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What compiling cost and saved beside the same framework without: `epochs` until it paid off, None for never."""

    column: str
    baseline: str
    cost_s: float
    saved_s_per_epoch: float
    epochs: float | None


class DivisionResult(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One division: nothing in it is ever set against the other."""

    division: Division
    reference: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    curves: dict[str, Curve]
    compilations: tuple[Compilation, ...] = ()
    sameness: dict[str, Sameness] = {}
    one_row_ms: dict[str, tuple[float, ...]] = {}
    warm_up_s: dict[str, float] = {}


class ImportProfile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a framework's import goes: seconds by top-level package, the slowest first; sizes of what it needs.

    `cold_s` is the import with its files dropped from the page cache, where that can be done and was seen to work.
    """

    engine: str
    slowest_s: dict[str, float] = {}
    cold_s: Interval | None = None
    why_not_cold: str = ""
    install_bytes: int = 0
    packages: dict[str, int] = {}


class ExportResult(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One format that a model can leave in; `reason` where it did not."""

    target: str
    seconds: float = 0.0
    size_bytes: int = 0
    max_abs: float | None = None
    passed: bool = False
    reason: str = ""


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The code that a user of the framework would write for this network, and how much of it there is."""

    framework: str
    text: str
    lines: int
    tokens: int


class Machine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where it was measured."""

    name: str
    cpu: str
    cores: int
    memory_gib: float
    system: str
    python: str
    versions: dict[str, str]
    load: float
    gpu: str = ""
    cpu_flags: tuple[str, ...] = ()


class Setting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was measured, in the order in which it is printed: `facts` are what processes say of themselves."""

    command: str
    kind: str
    runs: int
    data: dict[str, str]
    plan: dict[str, str]
    facts: dict[str, dict[str, str]]


class Comparison(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that a comparison found on one machine.

    `titles` are the columns' names in words, `sources` what a user would write by hand, `timed` what ran in Defaults.
    """

    ambidex: str
    machine: Machine
    setting: Setting
    titles: dict[str, str]
    divisions: tuple[DivisionResult, ...]
    imports: tuple[ImportProfile, ...] = ()
    exports: tuple[ExportResult, ...] = ()
    server_s: Interval | None = None
    sources: tuple[Source, ...] = ()
    timed: tuple[Source, ...] = ()
    failures: tuple[Failure, ...] = ()
    not_measured: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    seconds: float = 0.0


class ReportFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`report.json`: the comparisons of one machine, or of several."""

    format: int
    comparisons: tuple[Comparison, ...]


class _Format(msgspec.Struct, frozen=True):
    """What every version of `report.json` has."""

    format: int


def read_report(path: Path) -> tuple[Comparison, ...]:
    """The comparisons in a file. Raises `InputFileError` for another file, or one of a later version."""
    try:
        data = path.read_bytes()
    except OSError as error:
        message = expected("a report of `ambidex compare`", got=error.strerror or str(error), where=str(path))
        raise InputFileError(message, where=str(path)) from None
    fix = "Give the report.json that `ambidex compare` wrote, by the same version of ambidex."
    try:
        # The format alone first: another one may have other fields, and they would be named in place of it.
        found = msgspec.json.decode(data, type=_Format).format
        if found == FORMAT:
            return msgspec.json.decode(data, type=ReportFile).comparisons
        got = f"format {found}, where this version reads {FORMAT}"
    except msgspec.DecodeError as error:
        got = str(error)
    message = expected("a report of `ambidex compare`", got=got, where=str(path), fix=fix)
    raise InputFileError(message, where=str(path))
