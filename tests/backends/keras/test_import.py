"""The engine below Keras is settled once per process, and its absence is a clear error."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError

import pytest

from ambidex.backends import registry
from ambidex.backends.keras import _import
from ambidex.errors import BackendError

pytestmark = [pytest.mark.tensorflow, pytest.mark.jax]


def test_the_active_engine_may_be_asked_for_again() -> None:
    _import.require(_import.active_engine())
    assert _import.keras.config.backend() == _import.active_engine()


def test_the_other_engine_needs_another_process() -> None:
    active = _import.active_engine()
    other = "jax" if active == "tensorflow" else "tensorflow"
    with pytest.raises(BackendError) as raised:
        _import.require(other)
    assert str(raised.value) == (
        f"Expected Keras on {other}, got Keras on {active}, which this process has loaded already and keeps. "
        f"Start another process for {other}."
    )


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(BackendError, match=r"^Expected 'tensorflow' or 'jax', got 'torch' at backend\.$"):
        _import.require("torch")


@pytest.mark.parametrize("engine", ["tensorflow", "jax"])
@pytest.mark.parametrize("found", [None, "0.1.2", "2.17.9"])
def test_a_missing_or_old_engine_comes_with_its_pip_line(
    monkeypatch: pytest.MonkeyPatch, engine: str, found: str | None
) -> None:
    def version(package: str) -> str:
        if found is None:
            raise PackageNotFoundError(package)
        return found

    monkeypatch.delitem(sys.modules, "keras")
    monkeypatch.setattr(_import, "version", version)
    with pytest.raises(BackendError) as raised:
        _import.require(engine)
    assert str(raised.value) == f"Backend {engine!r} needs {registry.NEEDS[engine]}: pip install 'ambidex[{engine}]'."


@pytest.mark.parametrize(
    ("found", "expected"), [("0.4.33", False), ("0.4.34rc1", True), ("0.5", True), ("0.10.2", True)]
)
def test_versions_are_compared_as_numbers(monkeypatch: pytest.MonkeyPatch, found: str, expected: bool) -> None:
    monkeypatch.setattr(_import, "version", lambda package: found)
    assert _import._is_recent("jax", (0, 4, 34)) is expected


def test_only_four_names_are_imported_here() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'numpy'"):
        _import.numpy  # noqa: B018
