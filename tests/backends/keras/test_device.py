"""Devices by name, and the arithmetic of the process."""

from __future__ import annotations

import pytest

from ambidex.backends.keras import device
from ambidex.backends.keras._import import active_engine, jax, tf
from ambidex.backends.keras.device import choose_device, configure
from ambidex.errors import BackendError, UsageError
from ambidex.training.plan import Plan

pytestmark = [pytest.mark.tensorflow, pytest.mark.jax]


@pytest.mark.parametrize(("count", "expected"), [(0, "cpu"), (2, "cuda:0")])
def test_auto_is_the_gpu_where_there_is_one(monkeypatch: pytest.MonkeyPatch, count: int, expected: str) -> None:
    monkeypatch.setattr(device, "_num_gpus", lambda: count)
    assert choose_device("auto") == expected
    assert choose_device("cpu") == "cpu"


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:x", "CUDA", ""])
def test_another_name_is_refused(name: str) -> None:
    with pytest.raises(UsageError) as raised:
        choose_device(name)
    assert str(raised.value) == f"Expected auto, cpu, cuda or cuda:N, got {name!r} at --device."


def test_a_gpu_that_is_not_there_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "_num_gpus", lambda: 0)
    with pytest.raises(BackendError, match=r"^Expected a GPU that \w+ can use, got none for 'cuda:1' at --device\."):
        choose_device("cuda:1")


def test_a_gpu_number_must_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "_num_gpus", lambda: 2)
    assert choose_device("cuda") == "cuda:0"
    assert choose_device("cuda:1") == "cuda:1"
    with pytest.raises(UsageError, match=r"^Expected a GPU number below 2, got 'cuda:2' at --device\.$"):
        choose_device("cuda:2")


def test_float32_is_strict_unless_the_precision_is_tf32() -> None:
    def is_strict() -> bool:
        if active_engine() == "jax":
            return str(jax.config.jax_default_matmul_precision) == "highest"
        return not tf.config.experimental.tensor_float_32_execution_enabled()

    configure(Plan(device="cpu", precision="tf32"))
    assert not is_strict()
    configure(Plan(device="cpu"))
    assert is_strict()
