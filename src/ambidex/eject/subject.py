"""What is written out: a graph, the schema around it, and the experiment that trained it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from ambidex.arch.table import find_model
from ambidex.config import Experiment
from ambidex.errors import UsageError, expected, one_of
from ambidex.graph import Graph
from ambidex.prep.series import CENTER, LOCAL, SCALE
from ambidex.schema import Column, Schema, Task, packed_layout
from ambidex.training.plan import Plan

Framework = Literal["torch", "keras"]
FRAMEWORKS: tuple[Framework, ...] = ("torch", "keras")
TITLES: dict[str, str] = {"torch": "PyTorch", "keras": "Keras"}
LOSSES: frozenset[str] = frozenset({"cross_entropy", "mse", "mae", "huber", "quantile"})
ROLES: frozenset[str] = frozenset({"feature", "target", "weight", "time", "series", "past"})


@dataclass(frozen=True, kw_only=True)
class Subject:
    """All that source is written from. `loss` is the name of the run's loss; nothing here holds weights or data."""

    graph: Graph
    schema: Schema
    experiment: Experiment
    loss: str

    @property
    def plan(self) -> Plan:
        """How it was trained."""
        return self.experiment.plan

    @property
    def task(self) -> Task:
        """The question."""
        return self.schema.task

    @property
    def is_series(self) -> bool:
        """Whether rows are steps in time."""
        return self.task.kind == "forecast"

    @property
    def is_solved(self) -> bool:
        """Whether the weights have a closed form."""
        return find_model(self.experiment.model, "series" if self.is_series else "table").is_solved

    @property
    def targets(self) -> tuple[str, ...]:
        """The columns to predict."""
        return tuple(target.name for target in self.task.targets)

    def packed(self, kind: str) -> tuple[Column, ...]:
        """The columns of a packed input: `numbers`, `texts` or `times`."""
        return next((layout.columns for layout in packed_layout(self.schema) if layout.name == kind), ())

    def has_op(self, *ops: str) -> bool:
        """Whether the network has one of these ops."""
        return any(node.op in ops for node in self.graph.network)

    def has_prepared(self, name: str) -> bool:
        """Whether the preparation makes a value of that name."""
        return any(node.name == name for node in self.graph.prepare)

    @property
    def is_windowed(self) -> bool:
        """Whether each window is scaled by statistics of its own."""
        return self.has_prepared(CENTER) or self.has_prepared(SCALE)

    @property
    def is_folded(self) -> bool:
        """Whether each target is a series of its own."""
        return any(node.op == "fold" for node in self.graph.prepare)

    @property
    def has_weight(self) -> bool:
        """Whether samples count differently in the loss."""
        if self.is_series:
            return self.has_prepared(SCALE)
        return bool(self.schema.by_role("weight")) or (
            self.experiment.class_weight == "balanced" and self.task.is_classification
        )

    @property
    def reads_times(self) -> bool:
        """Whether the preparation of a whole series reads its times."""
        return any(node.op == "cycle" for node in self.graph.prepare)

    @property
    def lost_steps(self) -> int:
        """Raw steps that a history has more than the network's window."""
        return int(any(node.op in ("difference", "log_ratio") for node in self.graph.prepare))

    @property
    def window(self) -> int:
        """The steps that the network reads."""
        assert self.task.max_history is not None, "a forecaster has a window"
        return self.task.max_history - self.lost_steps

    def title(self) -> str:
        """What the model does, in a few words."""
        names = ", ".join(self.targets[:3]) + (", …" if len(self.targets) > 3 else "")
        if self.is_series:
            return f"the next {self.task.horizon} steps of {names}" if self.task.horizon > 1 else f"the next {names}"
        return names


def subject_of(artifact: Any) -> Subject:
    """The subject of an `Artifact`."""
    record = artifact.training
    return Subject(graph=artifact.graph, schema=artifact.schema, experiment=record.experiment, loss=record.loss)


def check_framework(framework: str) -> Framework:
    """The framework by its name. Raises `UsageError` for another one."""
    for known in FRAMEWORKS:
        if framework == known:
            return known
    raise UsageError(expected(one_of(FRAMEWORKS, framework), got=repr(framework), where="--to"), where="--to")


def check(subject: Subject, framework: Framework, *, minimal: bool) -> None:
    """Raises `UsageError` for what cannot be written as source, before anything is."""
    roles = {column.role for column in subject.schema.columns} - ROLES
    if roles:
        _refuse("columns of a table, or the history of series", f"columns known as {', '.join(sorted(roles))}")
    if len(subject.graph.raw_outputs) != 1:
        _refuse("a network with one output", f"{len(subject.graph.raw_outputs)}")
    if subject.is_series and not subject.has_prepared(LOCAL):
        _refuse("a forecaster whose preparation ambidex fitted", "another one")
    if subject.loss not in LOSSES:
        _refuse("one of the library's losses", f"{subject.loss!r}, whose source is not in the file")
    if minimal or subject.is_solved:
        return
    fix = "Use --minimal for the network and its predictions."
    if subject.experiment.metric != "loss":
        _refuse("a run that chose its best epoch by the validation loss", f"by {subject.experiment.metric}", fix)
    if framework == "keras" and subject.plan.min_delta > 0:
        _refuse("min_delta 0, since Keras's own is not relative", f"{subject.plan.min_delta:g}", fix)
    if framework == "keras" and subject.plan.precision == "float16":
        _refuse("float32, tf32 or bfloat16 as precision for Keras", "'float16'", fix)


def _refuse(what: str, got: str, fix: str = "") -> None:
    raise UsageError(expected(what, got=got, where="the model to eject", fix=fix))
