"""Why two networks of a user's own differ: each difference applied alone to the first one, on given rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ambidex.backends.foreign import SETTABLE, framework_of
from ambidex.backends.registry import load_foreign
from ambidex.errors import UsageError
from ambidex.exchange.defaults import TRAINING, fresh_spread
from ambidex.exchange.match import Match, differences, fit, match
from ambidex.exchange.record import Difference, Explanation
from ambidex.exchange.sample import as_arrays, runs
from ambidex.graph.op import Array

ROUNDING = 1e-6
"""Changes below this are float32's own."""


def explain_diff(a: Any, b: Any, rows: Any, *, by: str = "order") -> Explanation:
    """Lists what differs between two networks, with the size of each effect on the outputs for `rows`.

    Each of `a` and `b` is a `torch.nn.Module` or a `keras.Model` of layers that `torch_to_keras` knows. Every
    hyperparameter and every layer's weights of B are given to A alone, A is run on the rows, and put back. What acts on
    training alone (the start of weights, averages of batch normalisation, a second bias) is listed with its reason.

    Raises `UsageError` where layers cannot be paired. Example:

        for difference in explain_diff(module, model, rows).differences:
            print(difference.where, difference.kind, difference.a, difference.b, difference.effect)
    """
    kinds = framework_of(a), framework_of(b)
    ours, theirs = (load_foreign(kind) for kind in kinds)
    specs = [engine.input_specs(network) for engine, network in ((ours, a), (theirs, b))]
    inputs = as_arrays(rows, specs[0] or specs[1])
    layout, whole = _closest(runs(a, ours, inputs, kinds[0]), runs(b, theirs, inputs, kinds[1]))
    matches = match(ours.read_layers(a), theirs.read_layers(b), by, is_lenient=True)
    effect = _Effect(engine=ours, network=a, inputs=layout, before=ours.run(a, layout))
    found = [difference for pair in matches for difference in _between(pair, kinds, effect)]
    return Explanation(
        a=f"{kinds[0]} {type(a).__name__}",
        b=f"{kinds[1]} {type(b).__name__}",
        rows=len(inputs[0]),
        max_difference=whole[0],
        mean_difference=whole[1],
        differences=tuple(sorted([*found, *_unexplained(found, whole), *_of_frameworks(kinds)], key=_rank)),
    )


class _Effect:
    """Runs A with one thing changed, and puts it back."""

    def __init__(self, *, engine: Any, network: Any, inputs: Sequence[Array], before: Sequence[Array]) -> None:
        self.engine = engine
        self.network = network
        self._inputs = inputs
        self._before = before

    def of(self, change: Callable[[], None], undo: Callable[[], None]) -> tuple[float, float]:
        """The largest and the mean change of the outputs."""
        snapshot = self.engine.snapshot(self.network)
        change()
        self.engine.forget_compiled(self.network)
        try:
            return _change(self._before, self.engine.run(self.network, self._inputs))
        finally:
            undo()
            self.engine.restore(self.network, snapshot)
            self.engine.forget_compiled(self.network)


def _change(before: Sequence[Array], after: Sequence[Array]) -> tuple[float, float]:
    """The largest and the mean absolute difference of the first output."""
    error = np.abs(before[0].astype(np.float64) - after[0])
    return float(np.max(error, initial=0.0)), float(np.mean(error))


def _closest(
    ones: Sequence[tuple[list[Array], list[Array]]], others: Sequence[tuple[list[Array], list[Array]]]
) -> tuple[list[Array], tuple[float, float] | tuple[None, None]]:
    """A's rows in the order of axes in which both come closest, and the difference; None where all shapes differ."""
    found = [
        (_change(one, other), given) for given, one in ones for _, other in others if one[0].shape == other[0].shape
    ]
    if not found:
        return ones[0][0], (None, None)
    change, given = min(found, key=lambda entry: entry[0])
    return given, change


def _between(pair: Match, kinds: tuple[str, str], effect: _Effect) -> list[Difference]:
    """Hyperparameters, weights, and what acts on training alone, of one pair of layers."""
    layer, other = pair
    found = [_hyperparameter(pair, name, values, effect) for name, values in differences(layer, other).items()]
    if layer.weights:
        found += _weights(pair, effect)
    if layer.op == "lstm" and bool(layer.lost) != bool(other.lost):
        sides = ["2 biases" if side.lost else "1 bias" for side in pair]
        why = "both of PyTorch's biases are trained, so that their sum takes each step twice"
        found.append(Difference(kind="training", where=layer.name, a=sides[0], b=sides[1], why=why))
    if layer.op == "embedding" and layer.lost != other.lost:
        sides = ["a row without gradient" if side.lost else "every row is trained" for side in pair]
        why = " ".join((*layer.lost, *other.lost))
        found.append(Difference(kind="training", where=layer.name, a=sides[0], b=sides[1], why=why))
    if layer.op == "batch_norm" and kinds[0] != kinds[1]:
        sides = [{"torch": "unbiased variance", "keras": "biased variance"}[kind] for kind in kinds]
        why = "running variances differ by n / (n - 1) for batches of n"
        found.append(Difference(kind="training", where=layer.name, a=sides[0], b=sides[1], why=why))
    starts = [fresh_spread(kind, layer.op, layer.weights) for kind in kinds]
    if layer.weights and starts[0] != starts[1]:
        why = "how the framework draws this layer's weights unless told otherwise; it decides where training begins"
        found.append(Difference(kind="init", where=layer.name, a=starts[0], b=starts[1], why=why))
    return found


def _hyperparameter(pair: Match, name: str, values: tuple[float, float], effect: _Effect) -> Difference:
    layer = pair[0]
    told: dict[str, Any] = {"where": f"{layer.name}.{name}", "a": f"{values[0]:g}", "b": f"{values[1]:g}"}
    if name not in SETTABLE:
        return Difference(kind="structure", why="a layer of this kind cannot take the other's value", **told)
    if name == "momentum":
        return Difference(
            kind="training", why="how fast running statistics follow; the weight of the new batch", **told
        )
    largest, mean = effect.of(
        lambda: effect.engine.set_attributes(layer, {name: values[1]}),
        lambda: effect.engine.set_attributes(layer, {name: values[0]}),
    )
    return Difference(kind="hyperparameter", effect=largest, mean_effect=mean, **told)


def _weights(pair: Match, effect: _Effect) -> list[Difference]:
    layer, other = pair
    told: dict[str, Any] = {"kind": "weights", "where": layer.name}
    try:
        taken = fit(other, layer).weights
    except UsageError as error:
        return [Difference(a=_shapes(layer.weights), b=_shapes(other.weights), why=error.message, **told)]
    gap = max(float(np.abs(taken[part] - layer.weights[part]).max(initial=0.0)) for part in taken)
    if gap == 0.0:
        return []
    largest, mean = effect.of(lambda: effect.engine.write_layer(layer, taken), lambda: None)
    numbers = sum(array.size for array in taken.values())
    return [Difference(a=f"{numbers} numbers", b=f"at most {gap:.1e} away", effect=largest, mean_effect=mean, **told)]


def _unexplained(found: Sequence[Difference], whole: tuple[float | None, float | None]) -> list[Difference]:
    """An entry where outputs differ though nothing that was read does."""
    has_cause = any((one.effect or 0.0) > ROUNDING or one.kind == "structure" for one in found)
    if whole[0] is None:
        return [
            Difference(
                kind="structure", where="outputs", a="one shape", b="another", why="the networks end differently"
            )
        ]
    if whole[0] <= ROUNDING or has_cause:
        return []
    why = "no layer's weights or hyperparameters do this: look at activations, padding, and the order of calls"
    return [
        Difference(
            kind="structure", where="between the layers", a="", b="", effect=whole[0], mean_effect=whole[1], why=why
        )
    ]


def _of_frameworks(kinds: tuple[str, str]) -> list[Difference]:
    """Defaults of the optimizers and losses that go with each framework."""
    if kinds[0] == kinds[1]:
        return []
    return [
        Difference(kind="training", where=where, a=sides[kinds[0]], b=sides[kinds[1]], why=why)
        for where, sides, why in TRAINING
    ]


def _rank(difference: Difference) -> tuple[bool, float, str]:
    return difference.effect is None, -(difference.effect or 0.0), difference.where


def _shapes(weights: Any) -> str:
    return ", ".join(f"{part} {array.shape}" for part, array in weights.items())
