"""Where a network begins: what preparation leaves behind, and all that an architecture knows of the data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class TableInputs:
    """What an architecture for tables starts from: names of prepared values, None where a table has no such columns.

    `features` is (B, F) float32; `codes` is (B, C) int64, column c below `sizes[c]`.
    """

    features: str | None
    codes: str | None
    sizes: tuple[int, ...] = ()

    @property
    def prepared(self) -> tuple[str, ...]:
        """The cut: what the network is fed, in order."""
        return tuple(name for name in (self.features, self.codes) if name is not None)


@dataclass(frozen=True, kw_only=True)
class SeriesInputs:
    """What an architecture for series starts from.

    `history` (B, T, F) float32, the targets first; `window` is the T it is trained with; it forecasts `horizon`
    steps of `outputs` columns, of which the first `targets` line up with the history's (quantiles repeat them).
    """

    history: str
    window: int
    horizon: int
    targets: int
    outputs: int
