"""Every way to scale a series, with the graph that does and undoes it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ambidex.graph import Builder, Graph, Value, run_nodes
from ambidex.graph.op import Array
from ambidex.prep.series import (
    CENTER,
    LOCAL,
    SCALE,
    Scaling,
    SeriesScaling,
    add_series_answer,
    add_series_preparation,
    series_values,
)
from ambidex.schema import Column, Schema, Target, Task, packed_layout

TARGETS, PAST, HORIZON = 2, 1, 3
HOUR_US = 3_600_000_000


@dataclass(frozen=True)
class Case:
    """One way to scale, by what tells it apart."""

    kind: Scaling
    window_center: str = "none"
    has_window_scale: bool = False
    has_cycle: bool = False
    is_folded: bool = False
    has_past: bool = False
    quantiles: tuple[float, ...] = ()

    @property
    def columns(self) -> int:
        return TARGETS + PAST * self.has_past

    def scaling(self) -> SeriesScaling:
        return SeriesScaling(
            kind=self.kind,
            center=np.array([0.3, -2.0, 5.0])[: self.columns],
            scale=np.array([2.0, 0.7, 11.0])[: self.columns],
            floor=np.array([0.5, 3.0]),
            num_targets=TARGETS,
            window_center=self.window_center,  # type: ignore[arg-type]
            has_window_scale=self.has_window_scale,
            cycle=np.array([[0.5, -1.0], [1.5, 0.0], [-2.0, 1.0]]) if self.has_cycle else None,
            cycle_step_us=HOUR_US if self.has_cycle else 0,
            is_folded=self.is_folded,
        )


KINDS: tuple[Case, ...] = (
    Case("none"),
    Case("standardize"),
    Case("log_ratio"),
    Case("difference"),
    *(Case("instance", center, scaled) for center in ("none", "last", "mean") for scaled in (False, True)),
)
CASES: tuple[Case, ...] = tuple(
    Case(kind.kind, kind.window_center, kind.has_window_scale, has_cycle, is_folded, has_past, quantiles)
    for kind in KINDS
    for has_cycle in (False, True)
    for is_folded, has_past in ((False, False), (True, False), (False, True))
    for quantiles in ((), (0.1, 0.5, 0.9))
)


def task(case: Case) -> Task:
    targets = tuple(Target(name=name) for name in ("load", "price"))
    return Task(kind="forecast", targets=targets, horizon=HORIZON, quantiles=case.quantiles)


def schema(case: Case) -> Schema:
    columns = [Column(name="date", kind="time", role="time")]
    columns += [Column(name=name, kind="number", role="target") for name in ("load", "price")]
    if case.has_past:
        columns.append(Column(name="wind", kind="number", role="past"))
    return Schema(columns=tuple(columns), task=task(case))


def built(case: Case) -> Graph:
    """Preparation and answer; `raw` stands for the network's forecast, (B, H, Q · forecasts)."""
    scaling = case.scaling()
    builder = Builder(series_values(packed_layout(schema(case))))
    history = add_series_preparation(builder, scaling)
    width = scaling.forecasts * max(1, len(case.quantiles))
    batch = builder.value(history).shape[0]
    stand_in = Value(name="raw", dtype="float64", shape=(batch, HORIZON, width))
    builder._values["raw"] = stand_in
    outputs = add_series_answer(builder, "raw", task(case), scaling)
    return builder.build(prepared=[history], raw_outputs=["raw"], outputs=outputs)


def stamps(rows: int, steps: int) -> Array:
    """Hours that begin before 1970 and go beyond."""
    first = (np.arange(rows) * 7 - 5)[:, None] * HOUR_US
    return np.asarray((first + np.arange(steps) * HOUR_US)[:, :, None], dtype=np.int64)


def encoded_future(
    case: Case, graph: Graph, whole: Array, history: dict[str, Array], *, times: Array | None = None
) -> Array:
    """What a perfect network would answer, in float64: the future's own steps, scaled as its history is."""
    position = next(index for index, node in enumerate(graph.prepare) if node.name == LOCAL)
    inputs = {"numbers": whole, "times": stamps(len(whole), whole.shape[1]) if times is None else times}
    local = run_nodes(graph.prepare[: position + 1], inputs, {})[LOCAL][:, -HORIZON:]
    if CENTER in history:
        local = local - history[CENTER]
    if SCALE in history:
        local = local / history[SCALE]
    future = local[:, :, :TARGETS]  # (B, H, targets)
    if case.is_folded:
        future = future.transpose(0, 2, 1).reshape(-1, HORIZON, 1)  # (targets · B, H, 1)
    levels = max(1, len(case.quantiles))
    return np.concatenate([future] * levels, axis=-1)
