"""Copies weights between a user's own PyTorch module and Keras model, and does not believe it before it has looked.

PyTorch and TensorFlow share the process here, because the user's networks do: import torch before tensorflow, since
the other order can hang.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ambidex.backends.foreign import SETTABLE, ForeignLayer
from ambidex.backends.registry import load_foreign
from ambidex.errors import CertificateError, UsageError, expected
from ambidex.exchange.framework import TITLES, require
from ambidex.exchange.match import Fit, Match, check_structure, differences, fit, match
from ambidex.exchange.record import Exchanged, Pair
from ambidex.exchange.sample import Comparison, as_arrays, compare, outputs_of, random_sample
from ambidex.graph.op import Array

TOLERANCE = 1e-5
"""How far outputs may lie apart, relative where they exceed one: float32 rounding of a small network."""


def torch_to_keras(
    module: Any, model: Any, *, sample: Any = None, by: str = "order", set_hyperparameters: bool = False
) -> Exchanged:
    """Copies the weights of a `torch.nn.Module` into a Keras model that has the same layers, and runs both.

    Layers are paired in the order in which the module made them and the model lists them, or `by="name"`. `sample` is
    rows as the Keras model takes them (an array, or a list of them for several inputs); random ones if there is none.
    A module that takes channels or time first is given them so. With `set_hyperparameters` the target takes epsilon,
    momentum and slope of the source; otherwise a difference in them is refused.

    Raises `UsageError` where a layer has no counterpart, and `CertificateError` where outputs differ by more than 1e-5;
    the target is then as it was.
    """
    require(module, "torch", "module")
    require(model, "keras", "model")
    return _exchange(module, model, "torch", _Wish(sample=sample, by=by, set_hyperparameters=set_hyperparameters))


def keras_to_torch(
    model: Any, module: Any, *, sample: Any = None, by: str = "order", set_hyperparameters: bool = False
) -> Exchanged:
    """Copies the weights of a Keras model into a `torch.nn.Module` that has the same layers, and runs both.

    See `torch_to_keras`, whose arguments mean the same.
    """
    require(model, "keras", "model")
    require(module, "torch", "module")
    return _exchange(model, module, "keras", _Wish(sample=sample, by=by, set_hyperparameters=set_hyperparameters))


@dataclass(frozen=True, kw_only=True)
class _Wish:
    """What the caller asked for."""

    sample: Any
    by: str
    set_hyperparameters: bool


def _exchange(source: Any, target: Any, source_kind: str, wish: _Wish) -> Exchanged:
    target_kind = "keras" if source_kind == "torch" else "torch"
    module, model = (source, target) if source_kind == "torch" else (target, source)
    keras, ours, theirs = load_foreign("keras"), load_foreign(source_kind), load_foreign(target_kind)
    inputs = _inputs(model, keras, wish.sample)
    matches = match(ours.read_layers(source), theirs.read_layers(target), wish.by)
    fits = [_prepared(one, other, wish.set_hyperparameters) for one, other in matches]
    before = theirs.snapshot(target)
    _write(theirs, target, matches, fits)
    try:
        found = compare(outputs_of(model, keras, inputs), module, load_foreign("torch"), inputs, enough=TOLERANCE)
        _check(found, source_kind)
    except BaseException:
        theirs.restore(target, before)
        _set(theirs, target, matches, side=1)
        raise
    return _report((source_kind, target_kind), matches, fits, found, len(inputs[0]))


def _inputs(model: Any, keras: Any, sample: Any) -> list[Array]:
    """The rows to compare on; they also give weights to a model that was never called."""
    if sample is None:
        return random_sample(keras.input_specs(model))
    inputs = as_arrays(sample, keras.input_specs(model))
    if not model.built:
        outputs_of(model, keras, inputs)
    return inputs


def _prepared(source: ForeignLayer, target: ForeignLayer, is_setting: bool) -> Fit:
    check_structure(source, target)
    found = {name: values for name, values in differences(source, target).items() if name in SETTABLE}
    if found and not is_setting:
        name, (ours, theirs) = next(iter(found.items()))
        fix = "Build both with the same value, or pass set_hyperparameters=True."
        what = f"{name} {ours:g} as in {source.op} {source.name!r}"
        raise UsageError(expected(what, got=f"{theirs:g}", where=repr(target.name), fix=fix))
    return fit(source, target)


def _write(engine: Any, network: Any, matches: list[Match], fits: list[Fit]) -> None:
    for (_, target), ready in zip(matches, fits, strict=True):
        engine.write_layer(target, ready.weights)
    _set(engine, network, matches, side=0)


def _set(engine: Any, network: Any, matches: list[Match], *, side: int) -> None:
    """Gives the targets the hyperparameters of the sources (side 0), or their own again (side 1)."""
    for source, target in matches:
        engine.set_attributes(target, {name: values[side] for name, values in differences(source, target).items()})
    engine.forget_compiled(network)


def _check(found: Comparison, source_kind: str) -> None:
    if found.difference <= TOLERANCE:
        return
    fix = (
        "The weights are copied rightly, so something without weights differs (an activation, padding, a reshape, the "
        "order of calls), or layers were paired wrongly. The target is as it was."
    )
    what = f"outputs within {TOLERANCE:g} of the {TITLES[source_kind]} network"
    raise CertificateError(expected(what, got=f"a difference of {found.difference:.1e}", where="the sample", fix=fix))


def _report(kinds: tuple[str, str], matches: list[Match], fits: list[Fit], found: Comparison, rows: int) -> Exchanged:
    layers = tuple(
        Pair(
            source=source.name,
            target=target.name,
            op=source.op,
            values=sum(array.size for array in ready.weights.values()),
            notes=ready.notes,
        )
        for (source, target), ready in zip(matches, fits, strict=True)
    )
    changed = [
        f"{target.name}.{name}: {theirs:g} → {ours:g}"
        for source, target in matches
        for name, (ours, theirs) in differences(source, target).items()
    ]
    lost = [f"{source.name}: {what}" for source, _ in matches for what in source.lost]
    lost += [f"{target.name}: {what}" for _, target in matches if target.op == "embedding" for what in target.lost]
    return Exchanged(
        source=kinds[0],
        target=kinds[1],
        layers=layers,
        max_difference=found.difference,
        tolerance=TOLERANCE,
        rows=rows,
        layout=found.layout,
        changed=tuple(changed),
        without_counterpart=tuple(lost),
    )
