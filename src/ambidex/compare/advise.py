"""Advice: a backend and a target for a case, each line with the measured or dated fact that it rests on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from ambidex.compare.comparison import Comparison, DivisionResult, Row
from ambidex.compare.finding import DIVISION_NAMES, amount, digits, interval_text
from ambidex.compare.next_command import data_words
from ambidex.compare.quickest import Quickest, division_of, find_quickest, row_of
from ambidex.compare.statistics import is_only_seen
from ambidex.export.table import target_for
from ambidex.export.target import Target

Hardware = Literal["cpu", "gpu", "mac"]
Team = Literal["torch", "keras", "none"]
HARDWARE: dict[str, str] = {
    "cpu": "a CPU, which is enough for tables and most series",
    "gpu": "an NVIDIA GPU",
    "mac": "a Mac",
}
TEAMS: dict[str, str] = {"torch": "PyTorch", "keras": "Keras or TensorFlow", "none": "neither"}
PLACES: dict[str, str] = {
    "server": "server",
    "python": "python",
    "browser": "browser",
    "android": "android",
    "ios": "ios",
    "tf-serving": "tf-serving",
    "intel": "intel",
    "c++": "c++",
    "java": "java",
}
"""Where a model is to run, and the destination of `ambidex export --for` that it stands for."""
ENGINES: dict[str, str] = {"torch": "PyTorch", "tensorflow": "Keras on TensorFlow", "jax": "Keras on JAX"}
DATED = "2026-11"
SMALL = 5000
"""Rows below which the time of training decides nothing."""


class Case(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is known of the user's situation: `file` to `time` of the data, empty where there is none.

    `fingerprint` is the data's own, which a report of the same data has as well; `time` is its column of time stamps.
    """

    hardware: Hardware = "cpu"
    run_on: str = "server"
    team: Team = "none"
    file: str = ""
    rows: int = 0
    fingerprint: str = ""
    time: str = ""


class Reason(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of advice and where its fact comes from."""

    text: str
    evidence: str


class Advice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The backend to train in, the target to export to, the command for it, and why."""

    backend: str
    target: str
    command: str
    reasons: tuple[Reason, ...]
    caveats: tuple[Reason, ...] = ()


def advise(case: Case, comparisons: Sequence[Comparison] = ()) -> Advice:
    """The advice for a case; facts that were measured count before facts that are known."""
    target = target_for(PLACES[case.run_on])
    # A report of the user's own data says more than one of other data.
    comparisons = sorted(comparisons, key=lambda one: _is_of_other_data(case, one))
    backend, why = _backend(case, comparisons)
    reasons = [*why, *_target_reasons(case, target), *_measured_afterwards(comparisons, target)]
    return Advice(
        backend=backend,
        target=target.name,
        command=_command(case, backend, target, _data(case, comparisons)),
        reasons=tuple(reasons),
        caveats=tuple(_caveats(case, comparisons)),
    )


def _backend(case: Case, comparisons: Sequence[Comparison]) -> tuple[str, list[Reason]]:
    """What the team knows, unless measurements speak clearly; then what trains faster where it was measured."""
    reasons = [
        Reason(
            text="Either framework gives the same model: weights go from one to the other bit for bit.",
            evidence="docs/architecture.md, decisions 4 and 5; a certificate is in every file",
        )
    ]
    fastest = [text for comparison in comparisons for text in _training_facts(comparison)]
    reasons += fastest
    if case.team != "none":
        backend = "torch" if case.team == "torch" else "tensorflow"
        text = f"{ENGINES[backend]}: the team knows it, and the model is the same."
        return backend, [Reason(text=text, evidence="the answer about the team"), *reasons]
    found = find_quickest(comparisons)
    if found is not None:
        return found.engine, [_fastest(found), *reasons]
    told = "The reports tell no framework apart from start to the same loss. " if comparisons else ""
    text = f"{told}PyTorch: it imports and starts faster and needs no compilation, which is most of a short run."
    evidence = f"docs/architecture.md, table of dependencies ({DATED}): torch 2.1 s to import, tensorflow 4.0 s"
    return "torch", [Reason(text=text, evidence=evidence), *reasons]


def _fastest(found: Quickest) -> Reason:
    times = ", ".join(f"{ENGINES[engine]} {interval_text(took, 's')}" for engine, took in found.took.items())
    level = " and ".join(ENGINES[engine] for engine in found.level)
    return Reason(
        text=(
            f"{ENGINES[found.engine]}: it took the least time from start to the same validation loss in "
            f"{DIVISION_NAMES[found.division]}{f', with {level} too close to tell' if level else ''}."
        ),
        evidence=f"measured, {_where(found.comparison)}: import, first step and epochs until that loss: {times}",
    )


def _training_facts(comparison: Comparison) -> Iterator[Reason]:
    for division in comparison.divisions:
        row = row_of(division, "epoch")
        if row is None:
            continue
        times = ", ".join(f"{comparison.titles[name]} {amount(cell.median, 's')}" for name, cell in row.cells.items())
        text = f"{DIVISION_NAMES[division.division]}, {row.title}: {times}. {_verdict(row, division, comparison)}"
        yield Reason(text=text.rstrip(), evidence=f"measured, {_where(comparison)}")


def _verdict(row: Row, division: DivisionResult, comparison: Comparison) -> str:
    """Which of a row's differences are measurable, and which were only seen; nothing where there is one column."""
    if not row.contrasts:
        return ""
    clear = [name for name, contrast in row.contrasts.items() if contrast.is_measurable]
    seen = [
        name
        for name, contrast in row.contrasts.items()
        if is_only_seen(contrast, row.cells[name], row.cells[division.reference])
    ]
    reference = comparison.titles[division.reference]
    kinds = {
        f"Measurably different from {reference}": clear,
        f"Seen to differ from {reference}, but not confirmed": seen,
    }
    parts = [
        f"{kind}: {', '.join(comparison.titles[name] for name in names)}." for kind, names in kinds.items() if names
    ]
    if all(contrast.ratio.runs == 1 for contrast in row.contrasts.values()):
        return "One run tells nothing apart."
    return " ".join(parts) or "No measurable difference."


def _target_reasons(case: Case, target: Target) -> Iterator[Reason]:
    text = f"{target.name} for {case.run_on}: {target.summary}"
    yield Reason(text=text, evidence=f"`ambidex targets`, as of {target.as_of}: {target.state}")
    if target.takes == "prepared":
        text = f"{target.name} takes prepared tensors: preparation has to run before it, which `onnx` carries inside."
        yield Reason(text=text, evidence=f"`ambidex targets`, as of {target.as_of}: takes {target.takes} tensors")
    if target.runs_code:
        text = f"Loading {target.name} can run code that is in the file; load it from people you trust."
        yield Reason(text=text, evidence=f"`ambidex targets`, as of {target.as_of}")


def _measured_afterwards(comparisons: Sequence[Comparison], target: Target) -> Iterator[Reason]:
    for comparison in comparisons:
        for one in comparison.exports:
            if one.target == target.name and one.size_bytes:
                size = amount(one.size_bytes / 2**20, "MiB")
                gap = "" if one.max_abs is None else f", {one.max_abs:.1e} from the reference at most"
                text = f"The export to {one.target} took {amount(one.seconds, 's')} and {size}{gap}."
                yield Reason(text=text, evidence=f"measured, {_where(comparison)}")
        division = division_of(comparison, "matched")
        row = row_of(division, "one_row_p50") if division else None
        if row is not None and "onnxruntime" in row.cells:
            times = ", ".join(f"{comparison.titles[name]} {digits(cell.median)} ms" for name, cell in row.cells.items())
            yield Reason(text=f"Predicting one row took {times}.", evidence=f"measured, {_where(comparison)}")


def _is_of_other_data(case: Case, comparison: Comparison) -> bool:
    """Whether a report is known to be of other data than the user's."""
    return bool(case.fingerprint) and comparison.setting.data.get("fingerprint") != case.fingerprint


def _data(case: Case, comparisons: Sequence[Comparison]) -> str:
    own = [comparison for comparison in comparisons if not _is_of_other_data(case, comparison)]
    return data_words(case.file, case.time, own)


def _caveats(case: Case, comparisons: Sequence[Comparison]) -> Iterator[Reason]:
    if not comparisons:
        command = f"ambidex compare {_data(case, comparisons)} -o report"
        text = f"Nothing was measured on your data: run `{command}`, then give --report."
        yield Reason(text=text, evidence="no --report was given")
    for comparison in comparisons:
        if _is_of_other_data(case, comparison):
            theirs = comparison.setting.data
            text = f"The report of {theirs['file']} is of other data than {case.file}: its figures may not be yours."
            prints = f"fingerprints: {theirs.get('fingerprint', 'none')} in the report, {case.fingerprint} of the file"
            yield Reason(text=text, evidence=prints)
    yield from _hardware_caveats(case, comparisons)
    if case.time:
        text = "Train `linear`, the default for series, beside any network: it is solved and needs no framework."
        evidence = f"docs/benchmarks.md ({DATED}), ETTh1: linear 0.3706 in 0.5 CPU s, lstm in torch 0.4003 in 40.6"
        yield Reason(text=text, evidence=evidence)
    if 0 < case.rows < SMALL:
        text = f"{case.rows} rows train in seconds in either framework: choose by what your team reads."
        evidence = f"rows counted in {case.file}; docs/benchmarks.md ({DATED}): 13 to 14 CPU s for adult, 48 842 rows"
        yield Reason(text=text, evidence=evidence)


def _hardware_caveats(case: Case, comparisons: Sequence[Comparison]) -> Iterator[Reason]:
    devices = sorted({comparison.setting.plan.get("device", "cpu") for comparison in comparisons})
    if case.hardware == "gpu" and set(devices) <= {"cpu"}:
        text = "No report of a GPU was given: whether it pays on your data, `ambidex compare --device cuda` measures."
        evidence = f"device of the reports: {', '.join(devices)}" if devices else "no --report was given"
        yield Reason(text=text, evidence=evidence)
    if case.hardware == "mac":
        text = "Training runs on the CPU of a Mac: ambidex does not use its GPU."
        yield Reason(text=text, evidence=f"docs/experiment.md, `plan.device` ({DATED}): auto, cpu, cuda or cuda:N")


def _command(case: Case, backend: str, target: Target, data: str) -> str:
    train = f"ambidex train {data} --backend {backend} -o model.ambidex"
    if case.run_on == "server":
        return f"{train} && ambidex serve model.ambidex"
    return f"{train} && ambidex export model.ambidex --to {target.name} -o OUT"


def _where(comparison: Comparison) -> str:
    setting = comparison.setting
    runs = f"{setting.runs} run{'s' if setting.runs > 1 else ''}"
    return f"{setting.data['file']} on {comparison.machine.name}, {setting.kind}, {runs}"
