"""Which layer of one network belongs to which of another, and the weights that it takes from there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ambidex.backends.foreign import SETTABLE, ForeignLayer
from ambidex.errors import UsageError, expected, one_of
from ambidex.graph.op import Array

WAYS = ("order", "name")
NEUTRAL = {"scale": 1.0}
"""What a part does nothing with; all others do nothing at zero."""
Match = tuple[ForeignLayer, ForeignLayer]


@dataclass(frozen=True, kw_only=True)
class Fit:
    """The weights for a target layer, and what has to be said about them."""

    weights: dict[str, Array]
    notes: tuple[str, ...]


def match(
    sources: Sequence[ForeignLayer], targets: Sequence[ForeignLayer], by: str, *, is_lenient: bool = False
) -> list[Match]:
    """Pairs of layers with weights, then pairs of leaky ReLUs as far as both networks have them as layers.

    Raises `UsageError` where a layer has no counterpart, naming all that have none. `is_lenient` lets pass those of
    known kinds, which can be compared though not copied.
    """
    if by not in WAYS:
        raise UsageError(expected(one_of(WAYS, by), got=repr(by), where="by"))
    if not is_lenient:
        _refuse(sources, targets)
    weighted, others = (
        [_weighted(layers) for layers in (sources, targets)],
        [_slopes(one) for one in (sources, targets)],
    )
    pair = _by_order if by == "order" else _by_name
    pairs = pair(*weighted)
    for source, target in pairs:
        if source.op != target.op:
            got = f"{target.op} {target.name!r}"
            raise UsageError(expected(f"a counterpart for {source.op} {source.name!r}", got=got, fix=_other_way(by)))
    return pairs + (list(zip(*others, strict=True)) if len(others[0]) == len(others[1]) else [])


def differences(source: ForeignLayer, target: ForeignLayer) -> dict[str, tuple[float, float]]:
    """The hyperparameters in which two layers differ, the source's value first."""
    found = {}
    for name in source.attrs.keys() & target.attrs.keys():
        ours, theirs = float(source.attrs[name]), float(target.attrs[name])
        if not np.isclose(ours, theirs, rtol=1e-6, atol=0):
            found[name] = (ours, theirs)
    return dict(sorted(found.items()))


def check_structure(source: ForeignLayer, target: ForeignLayer) -> None:
    """A `UsageError` where two layers differ in what cannot be changed on a layer that exists."""
    for name, (ours, theirs) in differences(source, target).items():
        if name not in SETTABLE:
            what = f"{name} {ours:g}, as in {source.name!r}"
            raise UsageError(expected(what, got=f"{theirs:g}", where=repr(target.name)))


def fit(source: ForeignLayer, target: ForeignLayer) -> Fit:
    """The source's weights in the shapes of the target's.

    A part that one of them lacks does nothing in it: it is filled in, or left out where it does nothing in the source.
    Raises `UsageError` where it would be lost, and where shapes differ.
    """
    weights: dict[str, Array] = {}
    notes = list(source.lost)
    for part, there in target.weights.items():
        if part in source.weights:
            weights[part] = _shaped(source, target, part)
        else:
            weights[part] = np.full_like(there, NEUTRAL.get(part, 0.0))
            notes.append(f"{part} of {target.name!r} does nothing, since {source.name!r} has none")
    if source.op == "prelu" and source.weights["slope"].shape != target.weights["slope"].shape:
        notes.append("one slope for all against one for each channel: equal now, trained differently")
    if target.op == "embedding":
        notes += target.lost
    if target.op == "lstm" and target.lost:
        notes.append("the second bias is zero; both are trained, so that together they take each step twice")
    for part in source.weights.keys() - target.weights.keys():
        if np.any(source.weights[part] != NEUTRAL.get(part, 0.0)):
            where = f"{source.op} {target.name!r}"
            raise UsageError(expected(f"a place for {part} of {source.name!r}", got="none", where=where))
    return Fit(weights=weights, notes=tuple(notes))


def _shaped(source: ForeignLayer, target: ForeignLayer, part: str) -> Array:
    ours, theirs = source.weights[part], target.weights[part]
    if ours.shape == theirs.shape:
        return ours
    if source.op == "prelu" and (ours.size == 1 or np.all(ours == ours[0])):
        return np.full_like(theirs, ours[0])
    names = f"{source.op} {target.name!r}"
    raise UsageError(expected(f"{part} of shape {ours.shape} as in {source.name!r}", got=theirs.shape, where=names))


def _refuse(sources: Iterable[ForeignLayer], targets: Iterable[ForeignLayer]) -> None:
    refused = [f"{layer.name!r}, {layer.op}: {layer.refusal}" for layer in (*sources, *targets) if layer.refusal]
    if refused:
        raise UsageError(expected("layers with a counterpart in the other framework", got="; ".join(refused)))


def _weighted(layers: Iterable[ForeignLayer]) -> list[ForeignLayer]:
    return [layer for layer in layers if layer.weights]


def _slopes(layers: Iterable[ForeignLayer]) -> list[ForeignLayer]:
    return [layer for layer in layers if layer.op == "leaky_relu"]


def _by_order(sources: list[ForeignLayer], targets: list[ForeignLayer]) -> list[Match]:
    if len(sources) != len(targets):
        what = f"{len(sources)} layers with weights ({_listed(sources)})"
        raise UsageError(expected(what, got=f"{len(targets)} ({_listed(targets)})"))
    return list(zip(sources, targets, strict=True))


def _by_name(sources: list[ForeignLayer], targets: list[ForeignLayer]) -> list[Match]:
    """Names are equal but for case and for what stands between their parts."""
    by_name = {_plain(layer.name): layer for layer in targets}
    missing = [layer for layer in sources if _plain(layer.name) not in by_name]
    left = by_name.keys() - {_plain(layer.name) for layer in sources}
    if missing or left:
        what = f"layers called {_listed(sources)}"
        raise UsageError(expected(what, got=_listed(targets), fix='Rename them, or use by="order".'))
    return [(layer, by_name[_plain(layer.name)]) for layer in sources]


def _plain(name: str) -> str:
    return re.sub(r"[^0-9a-z]+", "_", name.lower())


def _listed(layers: Iterable[ForeignLayer]) -> str:
    return ", ".join(f"{layer.name!r} {layer.op}" for layer in layers) or "none"


def _other_way(by: str) -> str:
    return (
        'Layers are taken in the order in which they were made; use by="name" if that differs.' if by == "order" else ""
    )
