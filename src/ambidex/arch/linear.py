"""One linear map from a window to its horizon, solved in closed form (Toner & Darlow 2024, arXiv 2403.14587)."""

from __future__ import annotations

from ambidex.arch.architecture import Settings
from ambidex.graph import Builder
from ambidex.graph.inputs import SeriesInputs

NODE = "linear"
"""The dense node that holds the map; its weights come from `training.ridge`, and no gradient touches them."""


class LinearSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nothing to set: the penalty is chosen on the validation part."""


def build_linear(builder: Builder, inputs: SeriesInputs, settings: LinearSettings) -> str:
    """Adds the map, the same for every target; returns forecasts (B, H, targets)."""
    return add_linear_map(builder, inputs)


def add_linear_map(builder: Builder, inputs: SeriesInputs) -> str:
    """Targets of the history (B, T, F) to (B, H, targets) by one frozen dense layer over time."""
    x = inputs.history
    if builder.value(x).shape[-1] != inputs.targets:
        x = builder.add("network", "targets_only", "slice", x, axis=2, start=0, stop=inputs.targets)
    x = builder.add("network", "last_steps", "slice", x, axis=1, start=-inputs.window)
    x = builder.add("network", "by_target", "transpose", x, axes=[0, 2, 1])  # (B, targets, T)
    x = builder.add(
        "network", NODE, "dense", x, units=inputs.horizon, init="zeros", is_trainable=False
    )  # (B, targets, H)
    return builder.add("network", "by_step", "transpose", x, axes=[0, 2, 1])  # (B, H, targets)
