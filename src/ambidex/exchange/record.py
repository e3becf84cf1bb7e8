"""What an exchange and a comparison found."""

from __future__ import annotations

import msgspec


class Pair(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Two layers that now hold the same weights: their names, what they compute, how many numbers were copied.

    `notes` say what did not survive, or what was filled in.
    """

    source: str
    target: str
    op: str
    values: int
    notes: tuple[str, ...] = ()


class Exchanged(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The report of an exchange that held.

    `max_difference` is the largest difference of outputs on the sample, relative where outputs exceed one; `rows` its
    rows. `layout` says how the PyTorch module takes the sample's axes: "as the model", "channels first" or "time
    first". `changed` lists hyperparameters that were set on the target, `without_counterpart` what the other framework
    has no place for.
    """

    source: str
    target: str
    layers: tuple[Pair, ...]
    max_difference: float
    tolerance: float
    rows: int
    layout: str
    changed: tuple[str, ...] = ()
    without_counterpart: tuple[str, ...] = ()


class Difference(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing in which two models differ, and what it does to A's outputs when A takes B's side.

    `effect` is the largest change of an output, `mean_effect` the mean one, both None where it acts on training alone
    (then `why` says how) or cannot be measured. `kind` groups: hyperparameter, weights, structure, training, init,
    data, preparation, precision.
    """

    kind: str
    where: str
    a: str
    b: str
    effect: float | None = None
    mean_effect: float | None = None
    why: str = ""


class Explanation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why two models differ: the whole difference of their outputs on the rows, and each part, the largest first."""

    a: str
    b: str
    rows: int
    max_difference: float | None
    mean_difference: float | None
    differences: tuple[Difference, ...]
