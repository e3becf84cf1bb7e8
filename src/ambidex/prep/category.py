"""Texts as categories: codes for missing (0), unseen (1) and every known text, all of them trained."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt

from ambidex.graph import Builder
from ambidex.graph.ops.category import FIRST_CODE, MISSING_CODE, UNSEEN_CODE

MAX_LEVELS = 10_000
"""More distinct texts than this in one column: the rarest ones count as unseen."""

MASKED_SHARE = 0.02


def add_lookup(builder: Builder, value: str, sample: npt.NDArray[Any]) -> tuple[str, tuple[int, ...]]:
    """Adds the lookup for texts (B, m) fitted on `sample` (N, m); returns int64 codes (B, m) and sizes per column."""
    vocabularies = [vocabulary(sample[:, column]) for column in range(sample.shape[1])]
    codes = builder.add("prepare", "codes", "lookup", value, vocabularies=vocabularies)
    return codes, tuple(len(words) + FIRST_CODE for words in vocabularies)


def vocabulary(texts: npt.NDArray[Any]) -> list[str]:
    """The distinct texts, the commonest first and equals in alphabetical order; the empty text is no category."""
    counts = Counter(texts.tolist())
    counts.pop("", None)
    return [text for text, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MAX_LEVELS]]


def mask_codes(codes: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.int64]:
    """A copy in which a share of the training codes is hidden, so that the reserved codes learn a vector too.

    `MASKED_SHARE` of the cells become unseen; in columns where nothing was missing, as many become missing.
    """
    rng = np.random.default_rng([seed, 0x6D61736B])  # "mask": a stream of its own
    draw = rng.random(codes.shape)
    masked = np.where(draw < MASKED_SHARE, UNSEEN_CODE, codes)
    never_missing = ~(codes == MISSING_CODE).any(axis=0)
    return np.where((draw > 1 - MASKED_SHARE) & never_missing, MISSING_CODE, masked)
