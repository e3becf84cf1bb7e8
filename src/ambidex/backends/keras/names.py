"""Layer names: a node's own name wherever Keras takes it."""

from __future__ import annotations

import re
from collections.abc import Iterable

# Both what Keras refuses ('/') and what TensorFlow cannot use in the name of an operation.
FOREIGN = re.compile(r"[^A-Za-z0-9_.\-]")


def layer_names(names: Iterable[str]) -> dict[str, str]:
    """A layer name for each node name, in order; two that would become equal are numbered apart."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        plain = FOREIGN.sub("_", name)
        plain = plain if plain[:1].isalnum() else f"n{plain}"
        number, unique = 1, plain
        while unique in taken:
            number += 1
            unique = f"{plain}_{number}"
        taken.add(unique)
        found[name] = unique
    return found
