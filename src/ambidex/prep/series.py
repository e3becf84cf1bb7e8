"""Scaling of a series inside the graph: raw history to what the network reads, and its forecast back to raw units.

Scalings of a step and its neighbours (`standardize`, `log_ratio`, `difference`, the cycle) are the same wherever a
window begins, so training applies them once to the whole series. Only the instance scaling depends on the window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from ambidex.graph import Builder, Value
from ambidex.prep.answer import add_target_answers
from ambidex.schema import Layout, Task

Floats = npt.NDArray[np.float64]
Scaling = Literal["none", "standardize", "log_ratio", "difference", "instance"]
Center = Literal["none", "last", "mean"]

LOCAL = "local"
"""The name of the value in which everything that does not depend on the window's place is done, (B, T', F)."""
CENTER, SCALE = "window_center", "window_scale"
MIN_WINDOW_SCALE = 1e-2
"""In standard deviations of a usual series: a window that moves less than this is treated as moving this much."""
SHIFTING: frozenset[str] = frozenset({"log_ratio", "difference"})
"""Scalings that lose the first step of a window."""


@dataclass(frozen=True, kw_only=True)
class SeriesScaling:
    """What was fitted on training rows: all that is needed to add the nodes.

    `center` and `scale` (F,) standardize the columns after the step of `kind`; `floor` (targets,) is that of
    `log_ratio`; `cycle` (phases, targets) is subtracted first, its step being `cycle_step_us`. `window_center` and
    `has_window_scale` describe the instance scaling. `is_folded` treats every target as a series of its own.
    """

    kind: Scaling
    center: Floats
    scale: Floats
    floor: Floats
    num_targets: int
    window_center: Center = "none"
    has_window_scale: bool = False
    min_window_scale: float = MIN_WINDOW_SCALE
    cycle: Floats | None = None
    cycle_step_us: int = 0
    is_folded: bool = False

    @property
    def lost_steps(self) -> int:
        """How many raw steps more than the network's window a history needs."""
        return 1 if self.kind in SHIFTING else 0

    @property
    def channels(self) -> int:
        """Columns the network reads at each step."""
        return 1 if self.is_folded else len(self.center)

    @property
    def forecasts(self) -> int:
        """Targets the network forecasts at once."""
        return 1 if self.is_folded else self.num_targets


def series_values(layouts: Sequence[Layout]) -> list[Value]:
    """The packed raw inputs of a series as graph values; the history has any length T."""
    return [
        Value(name=layout.name, dtype=layout.dtype, shape=("B", "T", len(layout.columns)))  # type: ignore[arg-type]
        for layout in layouts
        if layout.span == "history"
    ]


def add_series_preparation(builder: Builder, scaling: SeriesScaling) -> str:
    """Adds the nodes from raw `numbers` (B, T, F) to the network's history; returns its name, float32."""
    x = builder.add("prepare", "filled", "fill_steps", "numbers")
    x = _add_cycle(builder, x, scaling)
    x = _add_steps(builder, x, scaling)
    center, scale = scaling.center.tolist(), scaling.scale.tolist()
    x = builder.add("prepare", LOCAL, "standardize", x, center=center, scale=scale)
    if scaling.window_center != "none":
        center_op = {"last": "window_last", "mean": "window_mean"}[scaling.window_center]
        builder.add("prepare", CENTER, center_op, LOCAL)
        x = builder.add("prepare", "centered", "sub", LOCAL, CENTER)
    if scaling.has_window_scale:
        builder.add("prepare", SCALE, "window_scale", LOCAL, minimum=scaling.min_window_scale)
        x = builder.add("prepare", "normalized", "div", x, SCALE)
    if scaling.is_folded:
        x = builder.add("prepare", "folded", "fold", x, channels=scaling.num_targets)
    return builder.add("prepare", "history", "cast", x, dtype="float32")


def add_series_answer(builder: Builder, raw: str, task: Task, scaling: SeriesScaling) -> dict[str, str]:
    """Adds the inverse: forecasts (B, H, Q · targets) to raw units; returns public names."""
    future = ""
    if scaling.cycle is not None:
        step = scaling.cycle_step_us
        future = builder.add("decode", "future", "future_times", "times", horizon=task.horizon, step_us=step)
    levels = []
    for position in range(max(1, len(task.quantiles))):
        part = raw
        if task.quantiles:
            start = position * scaling.forecasts
            stop = start + scaling.forecasts
            part = builder.add("decode", f"level_{position}", "slice", raw, axis=2, start=start, stop=stop)
        levels.append(_add_inverse(builder, part, scaling, f"_{position}", future))
    return add_target_answers(builder, levels, task)


def _add_steps(builder: Builder, x: str, scaling: SeriesScaling) -> str:
    """The ratio or difference of the targets; past covariates keep their values (without the first step)."""
    if scaling.kind not in SHIFTING:
        return x
    targets, others = list(range(scaling.num_targets)), list(range(scaling.num_targets, len(scaling.center)))
    y = builder.add("prepare", "levels", "select", x, columns=targets) if others else x
    if scaling.kind == "log_ratio":
        y = builder.add("prepare", "steps", "log_ratio", y, floor=scaling.floor.tolist())
    else:
        y = builder.add("prepare", "steps", "difference", y)
    if not others:
        return y
    z = builder.add("prepare", "others", "select", x, columns=others)
    z = builder.add("prepare", "without_first", "slice", z, axis=1, start=1)
    return builder.add("prepare", "joined", "concat", y, z, axis=-1)


def _add_cycle(builder: Builder, x: str, scaling: SeriesScaling) -> str:
    if scaling.cycle is None:
        return x
    others = len(scaling.center) - scaling.num_targets
    table = np.pad(scaling.cycle, ((0, 0), (0, others))).tolist()
    cycle = builder.add("prepare", "cycle", "cycle", "times", step_us=scaling.cycle_step_us, table=table)
    return builder.add("prepare", "without_cycle", "sub", x, cycle)


def _add_inverse(builder: Builder, x: str, scaling: SeriesScaling, tag: str, future: str) -> str:
    count = scaling.num_targets
    if scaling.is_folded:
        x = builder.add("decode", f"unfolded{tag}", "unfold", x, channels=count)
    if scaling.has_window_scale:
        x = builder.add("decode", f"rescaled{tag}", "mul", x, _targets_of(builder, SCALE, scaling))
    if scaling.window_center != "none":
        x = builder.add("decode", f"recentered{tag}", "add", x, _targets_of(builder, CENTER, scaling))
    center, scale = scaling.center[:count].tolist(), scaling.scale[:count].tolist()
    x = builder.add("decode", f"unscaled{tag}", "unstandardize", x, center=center, scale=scale)
    history = "without_cycle" if scaling.cycle is not None else "filled"
    if scaling.kind == "log_ratio":
        levels = _targets_of(builder, history, scaling)
        x = builder.add("decode", f"levels{tag}", "unlog_ratio", x, levels, floor=scaling.floor.tolist())
    if scaling.kind == "difference":
        x = builder.add("decode", f"levels{tag}", "undifference", x, _targets_of(builder, history, scaling))
    if scaling.cycle is None:
        return x
    name = f"future_cycle{tag}"
    cycle = builder.add("decode", name, "cycle", future, step_us=scaling.cycle_step_us, table=scaling.cycle.tolist())
    return builder.add("decode", f"with_cycle{tag}", "add", x, cycle)


def _targets_of(builder: Builder, value: str, scaling: SeriesScaling) -> str:
    """The targets' columns of a value of the preparation; selected once and shared by all levels."""
    if len(scaling.center) == scaling.num_targets:
        return value
    name = f"{value}_of_targets"
    if builder.has(name):
        return name
    return builder.add("decode", name, "select", value, columns=list(range(scaling.num_targets)))
