"""What the frameworks are called, and arguments that must be of one of them."""

from __future__ import annotations

from typing import Any

from ambidex.backends.foreign import framework_of
from ambidex.errors import UsageError, expected

TITLES = {"torch": "PyTorch", "keras": "Keras"}


def require(network: Any, framework: str, argument: str) -> None:
    """A `UsageError` where a network is not of the framework that an argument asks for."""
    kind = "a torch.nn.Module" if framework == "torch" else "a keras.Model"
    try:
        found = framework_of(network)
    except UsageError:
        found = ""
    if found != framework:
        raise UsageError(expected(kind, got=f"an object of type {type(network).__name__}", where=argument))
