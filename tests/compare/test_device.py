"""What is said of a device before anything is measured on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ambidex.compare.device import check_device, main
from ambidex.errors import BackendError, UsageError


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The engines that were asked; only TensorFlow sees a GPU, and no more than one."""
    found: list[str] = []

    def run_module(engine: str, command: list[str], folder: Path, *, timeout_s: float) -> None:
        found.append(engine)
        if engine != "tensorflow":
            raise BackendError(f"no GPU for {engine}")
        if command[2] == "cuda:1":
            raise UsageError("a number below 1")

    monkeypatch.setattr("ambidex.compare.device.run_module", run_module)
    return found


@pytest.mark.parametrize("name", ["tpu", "cuda:", "cuda:x", "CUDA", "cuda1", ""])
def test_another_name_is_refused_without_asking(asked: list[str], name: str) -> None:
    with pytest.raises(UsageError) as raised:
        check_device(name, ["torch"])
    assert str(raised.value) == f"Expected auto, cpu, cuda or cuda:N, got {name!r} at --device."
    assert asked == []


@pytest.mark.parametrize("name", ["cpu", "auto"])
def test_the_processor_is_always_there(asked: list[str], name: str) -> None:
    check_device(name, ["torch", "jax"])
    assert asked == []


def test_one_engine_that_sees_the_gpu_is_enough(asked: list[str]) -> None:
    check_device("cuda", ["torch", "tensorflow", "jax"])
    assert asked == ["torch", "tensorflow"]


@pytest.mark.parametrize(("name", "engines"), [("cuda", ["torch", "jax"]), ("cuda:1", ["torch", "tensorflow"])])
def test_a_gpu_that_nobody_sees_is_refused(asked: list[str], name: str, engines: list[str]) -> None:
    with pytest.raises(BackendError, match=r"^no GPU for torch$") as raised:
        check_device(name, engines)
    assert raised.value.where == "--device"
    assert asked == engines


@pytest.mark.torch
def test_an_engine_answers_for_itself(tmp_path: Path) -> None:
    assert main("torch", "cpu", tmp_path) == 0
    assert main("torch", "cuda:99", tmp_path) == 1
    assert "--device" in (tmp_path / "error.json").read_text(encoding="utf-8")
