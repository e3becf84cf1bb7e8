"""What columns and answers looked like in training, in counts: what live ones are compared with."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from ambidex.artifact.format import TRAINING
from ambidex.artifact.strict_json import decode_json

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
MAX_BINS = 64


class ColumnProfile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the values of a column, an output, or a forecast's first step are spread.

    Numbers fall into `len(edges) + 1` bins, of which the first holds what is at most `edges[0]`; texts and classes into
    one per level and one for all others. `shares` are those of the known values, `missing` that of the missing ones.
    """

    kind: Literal["number", "text"]
    edges: tuple[float, ...] = ()
    levels: tuple[str | int, ...] = ()
    shares: tuple[Share, ...]
    missing: Share = 0.0

    def __post_init__(self) -> None:
        wanted = len(self.edges if self.kind == "number" else self.levels) + 1
        if len(self.shares) != wanted or wanted > MAX_BINS:
            raise ValueError(f"Expected {min(wanted, MAX_BINS)} shares, got {len(self.shares)}.")
        if any(low >= high for low, high in zip(self.edges, self.edges[1:], strict=False)):
            raise ValueError("Expected edges that rise.")


class Profile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Inputs as in `rows` fitted rows, outputs as the finished model's answers to `answers` rows of validation."""

    rows: int
    answers: int = 0
    inputs: dict[str, ColumnProfile] = {}
    outputs: dict[str, ColumnProfile] = {}


class _Reference(msgspec.Struct, frozen=True, kw_only=True):
    profile: Profile | None = None


class _Training(msgspec.Struct, frozen=True, kw_only=True):
    reference: _Reference = _Reference()


def read_profile(raw: bytes) -> Profile | None:
    """The profile in the entry `training.json`; None in artifacts from before there was one. Raises `ArtifactError`."""
    training: Any = decode_json(raw, _Training, entry=TRAINING)
    profile: Profile | None = training.reference.profile
    return profile
