"""The whole comparison: measure, come to verdicts, write the page."""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import IO

import msgspec

from ambidex._version import __version__
from ambidex.artifact.store import check_writable, write_whole
from ambidex.backends.registry import NEEDS, installed
from ambidex.compare.column import COLUMNS, DIVISIONS, Column
from ambidex.compare.comparison import FORMAT, Comparison, ReportFile, Setting
from ambidex.compare.device import check_device
from ambidex.compare.finding import find
from ambidex.compare.following import measure_following
from ambidex.compare.machine import describe_machine
from ambidex.compare.measure import LAST, Countdown, Measurement, measure
from ambidex.compare.page import make_page
from ambidex.compare.prepare import FULL, Effort, Task, prepare_task
from ambidex.compare.quantity import quantities
from ambidex.compare.sample import Failure, Head, Sample, read_lines, write_line
from ambidex.compare.table import gather_samples, make_division
from ambidex.config import Experiment
from ambidex.data.table import Table
from ambidex.errors import BackendError, OutputFileError, StoppedError, TrainingError, UsageError, expected
from ambidex.report.html import to_html
from ambidex.report.markdown import to_markdown

SAMPLES, REPORT = "samples.jsonl", "report.json"
ALWAYS_OPEN: tuple[str, ...] = (
    "several GPUs or several machines, TPUs",
    "layers and losses of the user's own",
    "input pipelines (DataLoader, tf.data): all rows are in memory",
    "reading and preparing the data, which is the same NumPy code for every column",
)


@dataclass(kw_only=True)
class Session:
    """How one comparison meets its surroundings: what it says, how it shows progress, where it goes on from."""

    command: str = ""
    file: str = ""
    is_resuming: bool = False
    say: Callable[[str], None] = lambda text: None
    show: Callable[[str], None] = lambda text: None


@dataclass(kw_only=True)
class _Recorder:
    """Keeps every sample on the disk as it comes, and says how long it will take."""

    file: IO[bytes]
    session: Session
    countdown: Countdown = field(default_factory=Countdown)

    def on_sample(self, sample: Sample) -> None:
        write_line(self.file, sample)

    def on_failure(self, failure: Failure) -> None:
        write_line(self.file, failure)
        self.session.say(f"{failure.division}: {failure.column} failed in run {failure.run + 1}: {failure.reason}")

    def on_command(self, done: int, total: int, text: str) -> None:
        left = self.countdown.left_s(done, total)
        self.session.show(f"{100 * done // max(total, 1):>3} %  about {_clock(left)} left  {text}")


def compare(
    table: Table,
    experiment: Experiment,
    folder: Path,
    *,
    columns: Sequence[Column],
    effort: Effort,
    session: Session,
) -> Comparison:
    """Measures and writes `report.html`, `report.md`, `report.json` and `samples.jsonl` into the folder.

    Raises `StoppedError` where the user stopped it; the samples so far are kept, and `is_resuming` goes on from them.
    """
    began = time.monotonic()
    check_libraries()
    check_unused(folder, is_resuming=session.is_resuming)
    open_folder(folder)
    wanted = {column.engine for column in columns}
    check_device(experiment.plan.device, [engine for engine in installed() if engine in wanted])
    machine = describe_machine()
    task = prepare_task(experiment, table, effort)
    for note in task.problem.notes:
        session.say(note)
    here, missing = _installed(columns)
    with tempfile.TemporaryDirectory(prefix="ambidex-compare-", ignore_cleanup_errors=True) as name:
        work = Path(name)
        try:
            measured = _measure(task, here, effort, session, folder=folder, work=work)
            _check_measured(measured, folder)
            after = measure_following(task, here, effort, work=work / "turns", show=session.show)
        except KeyboardInterrupt:
            raise StoppedError(_stopped(folder / SAMPLES)) from None
    job = task.prepared.job
    rows = quantities(rows=len(task.prepared.train), many_rows=job.many_rows, is_classification=job.is_classification)
    comparison = Comparison(
        ambidex=__version__,
        machine=machine,
        setting=_setting(task, experiment, effort, session, measured),
        titles={column.name: column.title for column in columns},
        divisions=tuple(
            make_division(gather_samples(division, here, measured.samples), rows) for division in DIVISIONS
        ),
        imports=after.imports,
        exports=after.exports,
        server_s=after.server_s,
        sources=after.sources,
        timed=after.timed,
        failures=tuple(measured.failures),
        not_measured=(*missing, *after.not_measured, *_left_out(columns, effort, job.plan.device), *ALWAYS_OPEN),
        seconds=time.monotonic() - began,
    )
    comparison = msgspec.structs.replace(comparison, findings=find(comparison))
    write_report(folder, [comparison])
    return comparison


def _measure(
    task: Task, columns: Sequence[Column], effort: Effort, session: Session, *, folder: Path, work: Path
) -> Measurement:
    """The columns' turns; samples go to the folder at once."""
    path = folder / SAMPLES
    identity = _identity(task, columns)
    known = _known(path, identity, session)
    # What is known is not written again, so that nothing is lost wherever this ends.
    with path.open("ab" if _is_begun(path) else "wb") as file:
        _begin(file, path, identity)
        return measure(
            task.prepared,
            columns,
            runs=effort.runs,
            folder=work / "turns",
            listener=_Recorder(file=file, session=session),
            known=known,
        )


def _is_begun(path: Path) -> bool:
    """Whether a file of samples holds more than its first line."""
    return path.exists() and len(path.read_bytes().splitlines()) > 1


def _begin(file: IO[bytes], path: Path, identity: str) -> None:
    """Writes the first line, or ends a last one that was cut off."""
    before = path.read_bytes()
    if not before:
        write_line(file, Head(identity=identity))
    elif not before.endswith(b"\n"):
        file.write(b"\n")


def _stopped(path: Path) -> str:
    """What is left of a comparison that was stopped; a file without a sample is removed."""
    if _is_begun(path) and read_lines(path)[1]:
        return f"Stopped. The samples so far are kept in {path}. Run the same command with --resume to go on."
    path.unlink(missing_ok=True)
    return "Stopped before the first run was whole: there are no samples to keep, and the next attempt starts afresh."


def _check_measured(measured: Measurement, folder: Path) -> None:
    """Raises `TrainingError` where no column came to its end in any division: there is nothing to report."""
    if any(sample.quantity == LAST for sample in measured.samples):
        return
    reasons = dict.fromkeys(f"{failure.column} failed ({failure.reason})" for failure in measured.failures)
    fix = f"What was tried is in {folder / SAMPLES}."
    raise TrainingError(expected("a column that comes to its end", got=f"none: {'; '.join(reasons)}", fix=fix))


def _identity(task: Task, columns: Sequence[Column]) -> str:
    """A digest of everything that samples depend on but the machine and the number of runs."""
    what = [task.prepared.job, task.problem.fingerprint, task.problem.graph, list(columns), __version__]
    return hashlib.sha256(msgspec.json.encode(what)).hexdigest()


def _known(path: Path, identity: str, session: Session) -> list[Sample]:
    """The samples of an earlier attempt; `UsageError` where that measured something else."""
    if not session.is_resuming:
        return []
    if not _is_begun(path):
        session.say(f"no samples to go on from in {path}: starting afresh")
        return []
    found, samples = read_lines(path)
    if found != identity:
        fix = "Give the first command's data and flags, or another folder."
        message = expected("samples of the same comparison", got="those of another one", where=str(path), fix=fix)
        raise UsageError(message, where=str(path))
    return samples


def _installed(columns: Sequence[Column]) -> tuple[list[Column], list[str]]:
    """The columns that can run here. Raises `UsageError` where none trains, `BackendError` where none that does can."""
    asked = list(dict.fromkeys(column.engine for column in columns if column.trains))
    if not asked:
        fix = "ONNX Runtime does not train: add a column of a framework, such as torch, tensorflow or jax."
        names = ", ".join(column.name for column in columns)
        raise UsageError(expected("a column that trains", got=names, where="--columns", fix=fix), where="--columns")
    engines = installed()
    here = [column for column in columns if not column.trains or column.engine in engines]
    missing = [f"{column.title}: not installed ({NEEDS[column.engine]})" for column in columns if column not in here]
    if not any(column.trains for column in here):
        needs = "; ".join(f"{engine} needs {NEEDS[engine]}" for engine in asked)
        extras = ",".join(asked)
        what = f"{' or '.join(asked)} here"
        fix = f"{needs}: pip install 'ambidex[{extras}]'."
        raise BackendError(expected(what, got="none", where="--columns", fix=fix), where="--columns")
    return here, missing


def _left_out(columns: Sequence[Column], effort: Effort, device: str) -> list[str]:
    names = {column.name for column in columns}
    left = [column.title for column in COLUMNS.values() if column.name not in names]
    found = [f"columns that were not asked for: {', '.join(left)}"] if left else []
    if effort.kind == "quick":
        found.append(f"--quick: {_counts(effort)}; a full report has {_counts(FULL)} of every column")
    return [*found, "a GPU (--device cuda)"] if device == "cpu" else found


def _counts(effort: Effort) -> str:
    runs, epochs = effort.runs, effort.epochs
    return f"{runs} run{'s' * (runs > 1)} of {epochs} epoch{'s' * (epochs > 1)}"


def _setting(task: Task, experiment: Experiment, effort: Effort, session: Session, measured: Measurement) -> Setting:
    plan, prepared = task.prepared.job.plan, task.prepared
    return Setting(
        command=session.command,
        kind=effort.kind,
        runs=effort.runs,
        data={
            "file": session.file,
            "fingerprint": task.problem.fingerprint,
            "task": task.problem.task.kind,
            "model of Defaults": _model(experiment),
            "model of Matched": _model(task.experiment),
            "rows of an epoch": str(len(prepared.train)),
            "rows validated on": str(len(prepared.validation)),
        },
        plan={
            "epochs": str(plan.epochs),
            "batch size": str(plan.batch_size),
            "optimizer of Matched": msgspec.json.encode(plan.optimizer).decode(),
            "optimizer of Defaults": "each framework's own Adam",
            "precision": plan.precision,
            "threads": str(plan.threads) if plan.threads else "each framework's own choice",
            "device": plan.device,
            **_earlier(effort, measured),
            "seeds": f"{plan.seed} to {plan.seed + effort.runs - 1}, one per run",
        },
        facts=measured.facts,
    )


def _earlier(effort: Effort, measured: Measurement) -> dict[str, str]:
    """What `--resume` took over, whose time the report's `took` knows nothing of."""
    if not measured.num_known:
        return {}
    return {"measured by earlier attempts": f"{measured.num_known} of {effort.runs} runs; took counts the last attempt"}


def _model(experiment: Experiment) -> str:
    return f"{experiment.model} {msgspec.json.encode(experiment.settings).decode()}"


def check_libraries() -> None:
    """Raises `BackendError` where what the report is made with is not installed: before measuring, not after it."""
    missing = [name for name in ("scipy", "matplotlib") if find_spec(name) is None]
    if missing:
        raise BackendError(f"A comparison needs {' and '.join(missing)}: pip install 'ambidex[compare]'.")


def check_unused(folder: Path, *, is_resuming: bool = False, is_merging: bool = False) -> None:
    """Raises `OutputFileError` for a folder with a report or samples in it, which only `--resume` may go on from."""
    has_samples = _is_begun(folder / SAMPLES)
    found = [*([REPORT] if (folder / REPORT).exists() else []), *([SAMPLES] if has_samples else [])]
    if found and not (is_resuming and has_samples):
        goes_on = "give --resume to go on from its samples" if has_samples else "remove it first"
        fix = "Choose another -o." if is_merging else f"Choose another -o, or {goes_on}."
        message = expected("a folder without a comparison in it", got=" and ".join(found), where=str(folder), fix=fix)
        raise OutputFileError(message, where=str(folder))


def open_folder(folder: Path) -> None:
    """Makes the folder and looks whether it can be written; `OutputFileError` where it cannot."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = expected("a folder to write to", got=error.strerror or str(error), where=str(folder))
        raise OutputFileError(message, where=str(folder)) from None
    check_writable(folder / REPORT)


def write_report(folder: Path, comparisons: Sequence[Comparison]) -> None:
    """Writes the page as HTML, Markdown and data."""
    page = make_page(comparisons)
    data = msgspec.json.format(msgspec.json.encode(ReportFile(format=FORMAT, comparisons=tuple(comparisons))), indent=1)
    write_whole(folder / "report.html", [to_html(page).encode()])
    write_whole(folder / "report.md", [to_markdown(page).encode()])
    write_whole(folder / REPORT, [data])


def _clock(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
