"""The only place where keras, tensorflow and jax are imported, and where this process's engine is settled.

Keras fixes its engine when it is first imported, for the whole process. Other modules of this folder write
`from ambidex.backends.keras._import import keras`; names are loaded when they are asked for. `plain_tf` is TensorFlow
without Keras.
"""

from __future__ import annotations

import importlib
import logging
import os
import re
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from ambidex.errors import BackendError, expected

NEEDS: dict[str, dict[str, tuple[int, ...]]] = {
    "tensorflow": {"tensorflow": (2, 18), "keras": (3, 8)},
    "jax": {"jax": (0, 4, 34), "keras": (3, 8)},
}
# The wheels that bring a package; a build for one kind of machine has a name of its own.
WHEELS = {"tensorflow": ("tensorflow", "tensorflow-cpu", "tensorflow-macos", "tf-nightly")}
MODULES = {"keras": "keras", "tf": "tensorflow", "tf2onnx": "tf2onnx", "jax": "jax", "jnp": "jax.numpy"}


def require(engine: str) -> None:
    """Loads Keras on `engine`, 'tensorflow' or 'jax'; a `BackendError` where that cannot be."""
    if engine not in NEEDS:
        raise BackendError(expected("'tensorflow' or 'jax'", got=repr(engine), where="backend"))
    if "keras" not in sys.modules:
        _check_installed(engine)
        os.environ["KERAS_BACKEND"] = engine
        _silence()
    active = importlib.import_module("keras").config.backend()
    if active != engine:
        raise BackendError(
            f"Expected Keras on {engine}, got Keras on {active}, which this process has loaded already and keeps. "
            f"Start another process for {engine}."
        )


def require_plain() -> Any:
    """TensorFlow by itself, for what has to run without Keras; a `BackendError` where it is missing."""
    if "tensorflow" not in sys.modules and not _is_recent("tensorflow", NEEDS["tensorflow"]["tensorflow"]):
        raise BackendError("Backend 'tensorflow' needs tensorflow >= 2.18: pip install 'ambidex[tensorflow]'.")
    _silence()
    return importlib.import_module("tensorflow")


def active_engine() -> str:
    """The engine that Keras runs on here, or the one it will be loaded with."""
    if "keras" in sys.modules:
        return str(sys.modules["keras"].config.backend())
    wanted = os.environ.get("KERAS_BACKEND", "tensorflow")
    return wanted if wanted in NEEDS else "tensorflow"


def __getattr__(name: str) -> Any:
    if name == "plain_tf":
        return require_plain()
    if name not in MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name != "keras" or "keras" not in sys.modules:  # a user's own model may run on an engine we do not train on
        require(active_engine())
    return importlib.import_module(MODULES[name])


def _check_installed(engine: str) -> None:
    if not all(_is_recent(package, least) for package, least in NEEDS[engine].items()):
        needed = " and ".join(f"{name} >= {'.'.join(map(str, least))}" for name, least in NEEDS[engine].items())
        raise BackendError(f"Backend {engine!r} needs {needed}: pip install 'ambidex[{engine}]'.")


def _is_recent(package: str, least: tuple[int, ...]) -> bool:
    for wheel in WHEELS.get(package, (package,)):
        try:
            found = version(wheel).split(".")[: len(least)]
        except PackageNotFoundError:
            continue
        # A part such as '34rc1' counts by its digits.
        return tuple(int("0" + re.sub(r"\D.*", "", part)) for part in found) >= least
    return False


def _silence() -> None:
    """No chatter on import: TensorFlow's C++ notes and its Python warnings about its own internals."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    logging.getLogger("absl").setLevel(logging.ERROR)
