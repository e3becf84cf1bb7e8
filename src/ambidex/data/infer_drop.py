"""Which columns cannot help a model, and why."""

from __future__ import annotations

import re

import numpy as np

from ambidex.data.infer_column import Facts, Typed

_ID_NAME = re.compile(r"(?i)(.*[_\W])?(id|uuid|guid|key|index|instant|rownames?|row|nr|no|number)|unnamed.*")
_ID_CAMEL = re.compile(r".*[a-z](Id|ID)")
FEW_ROWS = 20
"""Below it nothing is called an id or free text: five different names in eight rows say little."""
SOME_LEVELS = 1000
"""Up to here a text may have two rows on average, beyond it needs five."""


def drop_reason(facts: Facts, typed: Typed) -> str:
    """Why the column is left out; empty if it stays."""
    if facts.num_present == 0:
        return f"all {facts.num_rows} values are missing"
    if facts.num_distinct == 1 and facts.num_missing == 0:
        return f"all {facts.num_rows} values are the same ({facts.example})"
    if facts.num_present < FEW_ROWS:
        return ""
    if typed.column.kind == "number":
        return _number_id(facts, typed)
    if typed.column.kind == "text":
        return _useless_text(facts)
    return ""


def _number_id(facts: Facts, typed: Typed) -> str:
    numbers = typed.numbers
    if numbers is None or facts.num_missing or not np.all(numbers == np.floor(numbers)):
        return ""
    steps = np.diff(numbers)
    if len(steps) and (np.all(steps == 1) or np.all(steps == -1)):
        return f"it counts the rows from {numbers[0]:.0f} to {numbers[-1]:.0f}"
    named = bool(_ID_NAME.fullmatch(facts.name) or _ID_CAMEL.fullmatch(facts.name))
    if named and facts.num_distinct == facts.num_rows:
        return f"an id: named like one, and all {facts.num_rows} whole numbers are different"
    return ""


def _useless_text(facts: Facts) -> str:
    if facts.is_category:
        return ""
    if facts.num_distinct == facts.num_present:
        return f"an id: all {facts.num_present} texts are different"
    if facts.num_distinct > facts.num_present / (5 if facts.num_distinct > SOME_LEVELS else 2):
        return f"free text: {facts.num_distinct} different texts in {facts.num_present} rows"
    return ""
