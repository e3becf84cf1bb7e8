"""What the training part looked like, as far as later judging needs it; kept in `training.json`."""

from __future__ import annotations

import msgspec

from ambidex.artifact.profile import Profile
from ambidex.metrics.forecast import Yardstick


class Reference(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`class_shares` (in the order of the classes) or `means` per target: what a naive model answers.

    `deviations` are the targets' standard deviations on the fitted part, the unit of certificates. For series
    `yardstick` scales errors; `train_rows` counts the fitted rows. `profile` is what a server compares live columns
    with; artifacts from before there was one have none.
    """

    train_rows: int
    class_shares: tuple[float, ...] = ()
    means: tuple[float, ...] = ()
    deviations: tuple[float, ...] = ()
    yardstick: Yardstick | None = None
    profile: Profile | None = None
