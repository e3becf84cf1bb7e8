"""Whether every part of an experiment can have an effect: what would be ignored in silence is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ambidex.config.experiment import Experiment, Series
from ambidex.errors import UsageError, expected

FREE_OF_HORIZON: frozenset[str] = frozenset({"time", "horizon"})
"""What a table may have of `Series`: the column to split by."""


def check_meaning(experiment: Experiment) -> None:
    """Raises `UsageError` for settings of series without a horizon, and for settings of tables with one."""
    if experiment.is_series:
        _check_series(experiment)
        return
    for field in msgspec.structs.fields(Series):
        given = getattr(experiment.series, field.name)
        if field.name not in FREE_OF_HORIZON and given != field.default:
            fix = "Say how many steps to forecast with --horizon."
            where = f"series.{field.name}"
            raise UsageError(expected(f"a horizon beside {where}", got="none", where=where, fix=fix), where=where)


def check_horizon(tree: Mapping[str, Any], experiment: Experiment) -> None:
    """Raises `UsageError` for a horizon of 0 that was asked for: it would make a table of a series without a word."""
    series = tree.get("series")
    if isinstance(series, Mapping) and "horizon" in series and experiment.series.horizon == 0:
        fix = "Leave it out for a table."
        message = expected("a horizon of at least 1 step", got=0, where="--horizon", fix=fix)
        raise UsageError(message, where="--horizon")


def _check_series(experiment: Experiment) -> None:
    given = {
        "split": experiment.split.partition(":")[0] in ("group", "hash"),
        "weight": bool(experiment.weight),
        "class_weight": experiment.class_weight != "none",
    }
    for name, is_given in given.items():
        if is_given:
            fix = "Series are split by time, and every window counts as it is."
            message = expected(f"no {name} for series", got=repr(getattr(experiment, name)), where=name, fix=fix)
            raise UsageError(message, where=name)
