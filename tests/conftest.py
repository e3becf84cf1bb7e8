"""Rules for the whole suite: one engine per process, a missing engine skips locally and fails in CI, fixed seeds.

PyTorch and TensorFlow can hang each other in one process, and Keras fixes its engine at the first import. So a test
module that imports an engine carries `pytestmark = pytest.mark.torch` (or `tensorflow`, `jax`, or a list of the last
two), and `tests/run.py` starts one process per mark. Modules of other engines are not even imported: a process started
with `-m torch` does not read them, and one started without an engine's mark refuses to mix two.
Only the mark `both` brings PyTorch and TensorFlow together.
"""

from __future__ import annotations

import os
import random
import re
import sys
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path

import hypothesis
import numpy as np
import pytest

from tests.engines import PACKAGES, engines_of, is_installed

# Before anything can load them: no telemetry from onnxruntime, no chatter from TensorFlow.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

# An example that takes long on a busy machine is no failure.
hypothesis.settings.register_profile("untimed", hypothesis.settings(), deadline=None)
hypothesis.settings.load_profile("untimed")

_collected: dict[str, Path] = {}


def pytest_configure(config: pytest.Config) -> None:
    engine = _engine_asked_for(config)
    if engine == "both":
        import_module("torch")  # before tensorflow: the other order can hang
        os.environ["KERAS_BACKEND"] = "tensorflow"
    if engine in {"tensorflow", "jax"}:
        os.environ["KERAS_BACKEND"] = engine


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leaves out, unread, the modules of engines that this process was not started for."""
    if collection_path.suffix != ".py" or not (engines := engines_of(collection_path)):
        return None
    asked = _engine_asked_for(config)
    if asked is not None:
        return None if asked in engines else True
    if _is_engine_free(config):
        return True
    _refuse_to_mix(engines, collection_path)
    return None


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    """Replaces a module whose engines are all missing, since importing it would fail."""
    engines = engines_of(module_path)
    if engines and not any(is_installed(engine) for engine in engines):
        return _MissingEngine.from_parent(parent, path=module_path)
    return None


def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    """A single test marked with an engine that is missing here."""
    for item in items:
        missing = [engine for engine in PACKAGES if item.get_closest_marker(engine) and not is_installed(engine)]
        if missing and not os.environ.get("CI"):
            item.add_marker(pytest.mark.skip(reason=f"{missing[0]} is not installed"))


class _MissingEngine(pytest.Module):
    """Stands for a test module whose engine is missing: skipped, or an error in CI."""

    def collect(self) -> Iterable[pytest.Item | pytest.Collector]:
        message = f"needs {' or '.join(sorted(engines_of(self.path)))}, which is not installed"
        if os.environ.get("CI"):
            raise self.CollectError(message)
        pytest.skip(message, allow_module_level=True)


def _engine_asked_for(config: pytest.Config) -> str | None:
    """The engine of `-m ENGINE` (also `-m "ENGINE and not slow"`), if the expression asks for one."""
    words = str(config.getoption("markexpr") or "")
    positive = re.sub(r"\bnot\s+\w+", "", words)
    asked = [engine for engine in PACKAGES if re.search(rf"\b{engine}\b", positive)]
    if len(asked) > 1:
        raise pytest.UsageError(f"Expected one engine per process, got -m {words!r}. Run `make test`.")
    return asked[0] if asked else None


def _is_engine_free(config: pytest.Config) -> bool:
    words = str(config.getoption("markexpr") or "")
    return all(re.search(rf"\bnot\s+{engine}\b", words) for engine in PACKAGES)


def _refuse_to_mix(engines: Iterable[str], path: Path) -> None:
    """Without `-m`, the first module decides which engine this process may load."""
    for other, first in _collected.items():
        if other not in engines:
            raise pytest.UsageError(
                f"Expected test modules of one engine, got {first.name} ({other}) and {path.name} "
                f"({', '.join(sorted(engines))}). Run `make test`, or choose one with `-m {other}`."
            )
    if not _collected:
        _collected[min(engines)] = path


@pytest.fixture
def seed() -> int:
    """The seed of a test that draws numbers; the same in every run."""
    return 20240229


@pytest.fixture(autouse=True)
def fixed_weights(seed: int) -> None:
    """Layers that a test makes draw the same weights in every run, in whichever order the tests come."""
    random.seed(seed)
    if torch := sys.modules.get("torch"):
        torch.manual_seed(seed)
    if keras := sys.modules.get("keras"):
        keras.utils.set_random_seed(seed)


@pytest.fixture
def rng(seed: int) -> np.random.Generator:
    """A generator of its own for each test, so that tests do not depend on their order."""
    return np.random.default_rng(seed)
