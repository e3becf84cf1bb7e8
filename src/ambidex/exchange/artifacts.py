"""Why two artifacts differ: what was set, what was seen, and what each difference does on given rows.

Everything is computed by the NumPy edition in float64, so that no engine's rounding is among the effects.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from ambidex.errors import UsageError, expected
from ambidex.exchange.record import Difference, Explanation
from ambidex.graph import Graph, parameters, predict
from ambidex.graph.op import Array
from ambidex.schema import packed_layout
from ambidex.workflow.bundle import rows_of
from ambidex.workflow.verify import rows_to_verify

if TYPE_CHECKING:
    from ambidex.data.table import Table
    from ambidex.workflow.load import Artifact

Arrays = Mapping[str, Array]
SECTIONS = {"network": "hyperparameter", "prepare": "preparation", "decode": "preparation"}
WHY = {
    "data_fingerprint": "other rows, or the same in another order, were trained on",
    "backend": "engines agree to rounding without dropout, whose draws differ",
    "experiment.plan.seed": "initial weights, the order of batches and dropout are drawn from it",
    "experiment.plan.precision": "how many digits training computed with",
    "experiment.plan.optimizer.epsilon": "added after the bias correction; larger ones slow small gradients down",
    "experiment.plan.optimizer.weight_decay": "how fast weights shrink",
    "loss": "what was minimised",
}
"""What a setting of training does, where its name does not say it."""


@dataclass(frozen=True)
class _Answers:
    """A model's answers as numbers: (B, …) per numeric output."""

    values: dict[str, Array]

    def change(self, other: _Answers) -> tuple[float, float]:
        """The largest and the mean absolute difference over the outputs that both have."""
        errors = [
            np.abs(array - other.values[name]).ravel()
            for name, array in self.values.items()
            if name in other.values and other.values[name].shape == array.shape
        ]
        joined = np.concatenate([np.zeros(0), *errors])
        joined = np.where(np.isnan(joined), 0.0, joined)
        return float(joined.max(initial=0.0)), float(joined.mean()) if len(joined) else 0.0


def explain_artifacts(a: Artifact, b: Artifact, table: Table | None = None) -> Explanation:
    """What differs between two artifacts, and what each difference alone does to A's answers.

    On the rows of A's certificate, or on a table's. Attributes of nodes that both graphs have (epsilon, slopes, the
    constants of preparation and decoding) and their weights are given to A one at a time; settings of training are
    listed. Raises `UsageError` where the two do not answer the same question.
    """
    _check_comparable(a, b)
    rows = rows_of(a.certificate, packed_layout(a.schema)) if table is None else rows_to_verify(a, table)
    before = _answers(a.graph, rows, a.weights)
    whole = _whole(b, rows, before)
    found = [*_nodes(a, b, rows, before), *_weights(a, b, rows, before), *_settings(a, b)]
    found.sort(key=lambda one: (one.effect is None, -(one.effect or 0.0)))
    return Explanation(
        a=a.path,
        b=b.path,
        rows=len(next(iter(rows.values()))),
        max_difference=whole[0],
        mean_difference=whole[1],
        differences=tuple(found),
    )


def _check_comparable(a: Artifact, b: Artifact) -> None:
    for what, one, other in (
        ("kind of task", a.task.kind, b.task.kind),
        ("targets", [target.name for target in a.task.targets], [target.name for target in b.task.targets]),
        ("classes", list(a.classes), list(b.classes)),
        ("horizon", a.task.horizon, b.task.horizon),
    ):
        if one != other:
            fix = "Models of different questions have nothing to compare."
            raise UsageError(expected(f"two models of one {what}", got=f"{one} and {other}", fix=fix))


def _answers(graph: Graph, rows: Arrays, weights: Arrays) -> _Answers:
    found = predict(graph, rows, weights)
    return _Answers({name: array.astype(np.float64) for name, array in found.items() if array.dtype.kind == "f"})


def _whole(b: Artifact, rows: Arrays, before: _Answers) -> tuple[float | None, float | None]:
    """The difference of both models; None where B reads other columns than A."""
    inputs = {value.name: value.shape for value in b.graph.inputs}
    if any(name not in rows or rows[name].shape[-1] != shape[-1] for name, shape in inputs.items()):
        return None, None
    return before.change(_answers(b.graph, rows, b.weights))


def _nodes(a: Artifact, b: Artifact, rows: Arrays, before: _Answers) -> Iterator[Difference]:
    """Attributes of nodes that both have, and nodes that only one has."""
    for section, kind in SECTIONS.items():
        ours = {node.name: node for node in getattr(a.graph, section)}
        theirs = {node.name: node for node in getattr(b.graph, section)}
        for name in [*ours, *(name for name in theirs if name not in ours)]:
            if name not in ours or name not in theirs or ours[name].op != theirs[name].op:
                sides = [nodes[name].op if name in nodes else "none" for nodes in (ours, theirs)]
                yield Difference(kind="structure", where=name, a=sides[0], b=sides[1])
                continue
            for key in ours[name].attrs:
                one, other = ours[name].attrs[key], theirs[name].attrs.get(key)
                if one != other:
                    effect = _with_attribute(a, section, (name, key, other), rows, before)
                    yield Difference(
                        kind=kind,
                        where=f"{name}.{key}",
                        a=_short(one),
                        b=_short(other),
                        effect=effect and effect[0],
                        mean_effect=effect and effect[1],
                        why="" if effect else "A cannot run with it: the number of columns or units differs",
                    )


def _with_attribute(
    a: Artifact, section: str, change: tuple[str, str, Any], rows: Arrays, before: _Answers
) -> tuple[float, float] | None:
    """A's answers with one attribute of B, or None where A cannot run with it."""
    name, key, value = change
    nodes = tuple(
        msgspec.structs.replace(node, attrs={**node.attrs, key: value}) if node.name == name else node
        for node in getattr(a.graph, section)
    )
    graph = msgspec.structs.replace(a.graph, **{section: nodes})
    try:
        shapes = {parameter.name: parameter.shape for parameter in parameters(graph)}
        if any(a.weights[name].shape != shape for name, shape in shapes.items()):
            return None
        return before.change(_answers(graph, rows, a.weights))
    except (ValueError, IndexError, KeyError):
        return None


def _weights(a: Artifact, b: Artifact, rows: Arrays, before: _Answers) -> Iterator[Difference]:
    """The weights of each node that both have, taken from B alone."""
    for node in a.graph.network:
        prefix = f"{node.name}."
        ours = {name: array for name, array in a.weights.items() if name.startswith(prefix)}
        theirs = {name: array for name, array in b.weights.items() if name.startswith(prefix)}
        if not ours or not theirs:
            continue
        sizes = [" · ".join(str(array.shape) for array in part.values()) for part in (ours, theirs)]
        if sizes[0] != sizes[1]:
            yield Difference(kind="structure", where=node.name, a=sizes[0], b=sizes[1])
            continue
        gap = max(float(np.abs(array - theirs[name]).max(initial=0.0)) for name, array in ours.items())
        if gap > 0:
            largest, mean = before.change(_answers(a.graph, rows, {**a.weights, **theirs}))
            told = f"at most {gap:.1e} away"
            yield Difference(kind="weights", where=node.name, a="", b=told, effect=largest, mean_effect=mean)


def _settings(a: Artifact, b: Artifact) -> Iterator[Difference]:
    """What was set and seen in training."""
    one, other = (msgspec.to_builtins(artifact.training) for artifact in (a, b))
    for key in ("history", "metrics", "baselines", "notes", "reference"):
        one.pop(key, None)
        other.pop(key, None)
    for path, ours, theirs in _unequal(one, other, ""):
        kind = "data" if path == "data_fingerprint" else "precision" if path.endswith("precision") else "training"
        yield Difference(kind=kind, where=path, a=_short(ours), b=_short(theirs), why=WHY.get(path, ""))


def _unequal(one: Any, other: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted({*one, *other}):
            yield from _unequal(one.get(key), other.get(key), f"{path}.{key}" if path else key)
    elif one != other:
        yield path, one, other


def _short(value: Any) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
