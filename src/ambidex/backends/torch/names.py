"""Layer names: a node's own name wherever PyTorch takes it."""

from __future__ import annotations

from collections.abc import Iterable

from ambidex.backends.torch._import import nn

# What a part of a path may not be called, since it means something else on a module.
_TAKEN = frozenset(dir(nn.LSTM)) | {
    *("weight", "bias", "running_mean", "running_var", "training", "weights"),
    *("in_proj_weight", "in_proj_bias", "out_proj", "is_causal", "steps"),
}


def layer_names(names: Iterable[str]) -> dict[str, str]:
    """A path in the module tree for each node name: the name itself, a `_` added to parts that a module needs."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        path = ".".join(f"{part}_" if part in _TAKEN or not part else part for part in name.split("."))
        while path in taken:
            path += "_"
        taken.add(path)
        found[name] = path
    return found
