"""Which framework a network belongs to, told without importing any, and the engine's functions for it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ambidex.errors import UsageError, expected

TITLES = {"torch": "PyTorch", "keras": "Keras"}


def framework_of(network: Any) -> str:
    """'torch' or 'keras'. On Keras's PyTorch backend a Keras layer is a module too, so Keras is looked for first."""
    origins = [kind.__module__ for kind in type(network).__mro__]
    if any(origin.split(".")[0] == "keras" for origin in origins):
        return "keras"
    if any(origin.startswith("torch.nn") for origin in origins):
        return "torch"
    what = type(network).__name__
    raise UsageError(expected("a torch.nn.Module or a keras.Model", got=f"an object of type {what}"))


def engine_for(framework: str) -> Any:
    """The module that reads and fills networks of a framework; see `backends.torch.foreign`."""
    return import_module(f"ambidex.backends.{framework}.foreign")


def require(network: Any, framework: str, argument: str) -> None:
    """A `UsageError` where a network is not of the framework that an argument asks for."""
    kind = "a torch.nn.Module" if framework == "torch" else "a keras.Model"
    try:
        found = framework_of(network)
    except UsageError:
        found = ""
    if found != framework:
        raise UsageError(expected(kind, got=f"an object of type {type(network).__name__}", where=argument))
