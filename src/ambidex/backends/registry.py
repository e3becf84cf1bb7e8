"""Engines by name: the one place that knows which folder builds for which, and whether it can run here."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ambidex.errors import BackendError, expected, one_of

if TYPE_CHECKING:
    from ambidex.graph import Graph
    from ambidex.losses.loss import Loss
    from ambidex.training.engine import Array, Arrays, Trainer
    from ambidex.training.plan import Plan

    MakeTrainer = Callable[[Graph, Mapping[str, Array], Loss, Plan], Trainer]
    Edition = Callable[[Graph, Mapping[str, Array], Mapping[str, Array]], Arrays]

BACKENDS = {
    "torch": "ambidex.backends.torch",
    "tensorflow": "ambidex.backends.keras",
    "jax": "ambidex.backends.keras",
}
PACKAGES = {"torch": ("torch",), "tensorflow": ("tensorflow", "keras"), "jax": ("jax", "keras")}
"""What has to be importable for an engine."""
NEEDS = {
    "torch": "torch >= 2.4",
    "tensorflow": "tensorflow >= 2.18 and keras >= 3.8",
    "jax": "jax >= 0.4.34 and keras >= 3.8",
}
"""The same with versions, which the engine itself is asked for when it is loaded."""


def installed() -> list[str]:
    """The engines that could be loaded here, found out without loading any."""
    return [name for name, packages in PACKAGES.items() if all(find_spec(package) for package in packages)]


def load_trainer(name: str) -> MakeTrainer:
    """The engine's `Trainer` class; a `BackendError` where the engine is unknown or not installed."""
    trainer: MakeTrainer = _load(name, "trainer").Trainer
    return trainer


def load_native(name: str) -> Callable[[Graph, Mapping[str, Array]], Any]:
    """The function `(graph, weights)` that makes the engine's own network object."""
    network: Callable[[Graph, Mapping[str, Array]], Any] = _load(name, "native").network
    return network


def load_edition(name: str) -> Edition:
    """The function `(graph, weights, prepared)` that computes raw outputs in this process, in strict float32."""
    raw_outputs: Edition = _load(name, "edition").raw_outputs
    return raw_outputs


def load_foreign(framework: str) -> Any:
    """The module that reads and fills a user's own networks of a framework, 'torch' or 'keras'."""
    return importlib.import_module(f"ambidex.backends.{framework}.foreign")


def check_backend(name: str) -> None:
    """A `BackendError` where the engine is unknown or not installed; loads nothing."""
    if name not in BACKENDS:
        raise BackendError(expected(one_of(BACKENDS, name), got=f"backend {name!r}"))
    if name not in installed():
        raise BackendError(f"Backend {name!r} needs {NEEDS[name]}: pip install 'ambidex[{name}]'.")


def _load(name: str, module: str) -> Any:
    check_backend(name)
    importlib.import_module(f"{BACKENDS[name]}._import").require(name)
    return importlib.import_module(f"{BACKENDS[name]}.{module}")
