"""Everything beside the columns' turns: imports, exports, the server, the code."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ambidex import backends
from ambidex.artifact.store import write_whole
from ambidex.backends.source import read_arrays
from ambidex.compare.afterwards import measure_export, measure_server
from ambidex.compare.code import count_code
from ambidex.compare.column import Column
from ambidex.compare.comparison import ExportResult, ImportProfile, Source
from ambidex.compare.importing import profile_import
from ambidex.compare.prepare import Effort, Task
from ambidex.compare.statistics import Interval, interval
from ambidex.eject.eject import eject
from ambidex.errors import AmbidexError
from ambidex.export.run import is_installed
from ambidex.export.table import TARGETS
from ambidex.graph import initial_weights
from ambidex.training.history import EpochRecord, History
from ambidex.workflow.load import load
from ambidex.workflow.seal import make_draft, seal


@dataclass(kw_only=True)
class Following:
    """What was found, and what could not be."""

    imports: tuple[ImportProfile, ...] = ()
    exports: tuple[ExportResult, ...] = ()
    server_s: Interval | None = None
    sources: tuple[Source, ...] = ()
    timed: tuple[Source, ...] = ()
    not_measured: tuple[str, ...] = ()


def measure_following(
    task: Task, columns: Sequence[Column], effort: Effort, *, work: Path, show: Callable[[str], None]
) -> Following:
    """Profiles imports, then exports and serves a model with the weights that Matched has trained, if it has any."""
    is_quick = effort.kind == "quick"
    found = Following()
    engines = dict.fromkeys(column.engine for column in columns)
    show(f"importing {', '.join(engines)}")
    # The shares of an import are the same beside another one; only the time of a cold one needs the machine alone.
    with ThreadPoolExecutor(len(engines) if is_quick else 1) as pool:
        found.imports = tuple(pool.map(lambda engine: profile_import(engine, is_cold_wanted=not is_quick), engines))
    found.timed = count_code(timed_sources(engines))
    artifact = work / "model.ambidex"
    try:
        write_whole(artifact, [artifact_bytes(task, _trained(work, columns))])
    except AmbidexError as error:
        found.not_measured += (f"what comes after training: {error.message}",)
        return found
    targets, left_out = targets_for(is_quick=is_quick)
    found.not_measured += left_out
    for target in targets:
        show(f"exporting to {target}")
        found.exports += (measure_export(artifact, target, work),)
    try:
        found.sources = count_code(written_by_hand(artifact, engines, work))
    except AmbidexError as error:
        found.not_measured += (f"code by hand: {error.message}",)
    show("starting the server")
    try:
        found.server_s = interval(measure_server(artifact, effort.runs))
    except (OSError, ValueError, KeyError) as error:
        found.not_measured += (f"the server's start: {error}",)
    return found


def targets_for(*, is_quick: bool) -> tuple[list[str], tuple[str, ...]]:
    """The formats that are exported here, and why others are not."""
    if is_quick:
        return ["onnx"], ("exports other than onnx (left out of --quick)",)
    missing = [target for target in TARGETS.values() if not is_installed(target)]
    left_out = tuple(f"export to {target.name}: {target.needs} is not installed" for target in missing)
    return [target.name for target in TARGETS.values() if target not in missing], left_out


def _trained(work: Path, columns: Sequence[Column]) -> Path | None:
    """The weights that the first column left in its first Matched run."""
    found = [path for column in columns for path in sorted(work.glob(f"*/*-{column.name}/weights.npz"))]
    return found[0] if found else None


def artifact_bytes(task: Task, weights_file: Path | None) -> bytes:
    """A model's file; with initial weights where nothing was trained, whose sizes and times are the same."""
    weights = initial_weights(task.problem.graph, task.experiment.plan.seed)
    if weights_file is not None:
        weights = read_arrays(weights_file)
    record = EpochRecord(epoch=0, train_loss=None, validation_loss=0.0, score=0.0, learning_rate=0.0)
    history = History(epochs=[record], stopped_by="epochs")
    draft = make_draft(task.problem, task.experiment, "torch", weights=dict(weights), history=history, fit_s=0.0)
    return seal(draft, engines=()).data


def timed_sources(engines: Collection[str]) -> dict[str, str]:
    """The code that is timed in Defaults."""
    folder = Path(backends.__file__).parent
    return {
        title: (folder / name / "idiom.py").read_text(encoding="utf-8") for title, name in _frameworks(engines).items()
    }


def written_by_hand(artifact: Path, engines: Collection[str], folder: Path) -> dict[str, str]:
    """Network, preparation and training as short plain source, as `ambidex eject --minimal` writes it."""
    model = load(artifact)
    found = {}
    for title, name in _frameworks(engines).items():
        ejected = eject(model, name, folder / f"eject-{name}", minimal=True)
        found[title] = "\n".join((ejected.path / file).read_text(encoding="utf-8") for file in ejected.lines)
    return found


def _frameworks(engines: Collection[str]) -> dict[str, str]:
    """The frameworks that are compared, as they are called and as their folders are."""
    wanted = {"PyTorch": ("torch", {"torch"}), "Keras": ("keras", {"tensorflow", "jax"})}
    return {title: name for title, (name, those) in wanted.items() if not those.isdisjoint(engines)}
