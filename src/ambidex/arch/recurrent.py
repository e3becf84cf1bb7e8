"""LSTM and GRU forecasters: stacked recurrent layers and one head that answers all steps at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

import msgspec

from ambidex.arch.architecture import Settings
from ambidex.arch.linear import add_linear_map
from ambidex.graph import Builder
from ambidex.graph.inputs import SeriesInputs


class RecurrentSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`residual` is what the network's forecast is added to: the solved linear map, the last value, or nothing."""

    units: Annotated[int, msgspec.Meta(ge=1)] = 64
    layers: Annotated[int, msgspec.Meta(ge=1)] = 1
    bidirectional: bool = False
    dropout: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.0
    residual: Literal["linear", "last", "none"] = "none"


def recurrent_builder(op: Literal["lstm", "gru"]) -> Callable[[Builder, SeriesInputs, RecurrentSettings], str]:
    """The build function of a forecaster with layers of that kind."""

    def build(builder: Builder, inputs: SeriesInputs, settings: RecurrentSettings) -> str:
        return _build(builder, op, inputs, settings)

    return build


def _build(builder: Builder, op: str, inputs: SeriesInputs, settings: RecurrentSettings) -> str:
    x = inputs.history
    for depth in range(settings.layers):
        is_last = depth == settings.layers - 1
        x = builder.add(
            "network",
            f"{op}.{depth}",
            op,
            x,
            units=settings.units,
            is_bidirectional=settings.bidirectional,
            returns_sequence=not is_last,
        )
        if settings.dropout > 0:
            x = builder.add("network", f"dropout.{depth}", "dropout", x, rate=settings.dropout)
    init = "glorot_uniform" if settings.residual == "none" else "zeros"
    x = builder.add("network", "head", "dense", x, units=inputs.horizon * inputs.outputs, init=init)
    x = builder.add("network", "forecast", "reshape", x, shape=[inputs.horizon, inputs.outputs])
    return _add_residual(builder, x, inputs, settings)


def _add_residual(builder: Builder, x: str, inputs: SeriesInputs, settings: RecurrentSettings) -> str:
    """The head starts at zero, so training starts exactly from the residual's forecast."""
    if settings.residual == "none":
        return x
    if settings.residual == "linear":
        start = add_linear_map(builder, inputs)
    else:
        start = builder.add("network", "last_step", "slice", inputs.history, axis=1, start=-1)
        if builder.value(start).shape[-1] != inputs.targets:
            start = builder.add("network", "last_targets", "slice", start, axis=2, start=0, stop=inputs.targets)
    repeats = inputs.outputs // inputs.targets
    if repeats > 1:
        start = builder.add("network", "start_of_levels", "concat", *([start] * repeats), axis=-1)
    return builder.add("network", "total", "add", start, x)
