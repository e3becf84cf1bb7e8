"""What an architecture is, for tables and for series."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from ambidex.graph import Builder
from ambidex.graph.inputs import SeriesInputs, TableInputs

Activation = Literal["relu", "gelu", "silu", "mish", "selu", "elu", "tanh", "leaky_relu"]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What can be set of an architecture; every field is reached with `--set name=value`."""


BuildTable = Callable[[Builder, TableInputs, int, Any], str]
BuildSeries = Callable[[Builder, SeriesInputs, Any], str]


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """One line of the table of models.

    `build` adds the network's nodes and returns the raw output: (B, outputs) for tables, (B, H, outputs) for series.
    `is_solved` ones have a closed form instead of training. `has_free_time` says whether a history of another
    length than the window is answered. How each is trained by default stands in `training.defaults`.
    """

    name: str
    domain: Literal["table", "series"]
    summary: str
    settings: type[Settings]
    build: BuildTable | BuildSeries
    is_solved: bool = False
    has_free_time: bool = False


def add_activation(builder: Builder, name: str, activation: Activation, value: str) -> str:
    """Adds an activation; the leaky one with torch's slope."""
    if activation == "leaky_relu":
        return builder.add("network", name, activation, value, slope=0.01)
    return builder.add("network", name, activation, value)
