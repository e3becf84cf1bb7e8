"""The experiment: everything that decides what a training run does, in one closed record."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from ambidex.prep.series import Scaling
from ambidex.training.plan import Plan

Count = Annotated[int, msgspec.Meta(ge=0)]
Quantile = Annotated[float, msgspec.Meta(gt=0, lt=1)]
TaskChoice = Literal["auto", "binary", "multiclass", "regression", "forecast"]
Backend = Literal["auto", "torch", "tensorflow", "jax"]


class Series(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What only series have.

    `window` 0 takes it from the data's season. `keys` are the columns that tell series apart. `cycle` is the number
    of steps after which the average level repeats (0: none; -1: from the frequency, kept if validation agrees).
    `channels` `shared` treats each target as a series of its own through the same network. `train_end` and
    `validation_end` are times: later rows are not looked at.
    """

    time: str = ""
    horizon: Count = 0
    window: Count = 0
    keys: tuple[str, ...] = ()
    past: tuple[str, ...] = ()
    scaling: Literal["auto"] | Scaling = "auto"
    cycle: Annotated[int, msgspec.Meta(ge=-1)] = -1
    channels: Literal["auto", "shared", "joint"] = "auto"
    train_end: str = ""
    validation_end: str = ""


class Experiment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is trained, on what, and how.

    `validation` is a fraction of the rows, or a file. `columns` says what a column is (number, flag, category, time,
    time:PATTERN, drop). `settings` are the architecture's own. `loss` `auto` follows from the task.
    `editions` are those the certificate runs: ONNX and every installed engine, or ONNX alone.
    """

    targets: tuple[str, ...]
    task: TaskChoice = "auto"
    model: str = "auto"
    backend: Backend = "auto"
    loss: str = "auto"
    metric: str = "loss"
    validation: Annotated[float, msgspec.Meta(gt=0, lt=1)] | str = 0.2
    split: str = "random"
    drop: tuple[str, ...] = ()
    columns: dict[str, str] = {}
    weight: str = ""
    class_weight: Literal["none", "balanced"] = "none"
    threshold: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.5
    quantiles: tuple[Quantile, ...] = ()
    series: Series = Series()
    settings: dict[str, Any] = {}
    plan: Plan = Plan()
    certificate_rows: Literal["real", "synthetic"] = "real"
    editions: Literal["installed", "onnx"] = "installed"

    @property
    def is_series(self) -> bool:
        """Whether the rows are steps in time to be continued."""
        return self.task == "forecast" or (self.task == "auto" and self.series.horizon > 0)
