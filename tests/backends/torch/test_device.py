"""Devices by name, and the arithmetic of the process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from ambidex.backends.torch.device import choose_device, configure, limited_threads
from ambidex.errors import BackendError, UsageError
from ambidex.training.plan import Plan

pytestmark = pytest.mark.torch


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    threads, precision = torch.get_num_threads(), torch.get_float32_matmul_precision()
    yield
    torch.set_num_threads(threads)
    torch.set_float32_matmul_precision(precision)
    torch.use_deterministic_algorithms(False)


def test_auto_is_the_gpu_where_there_is_one() -> None:
    assert choose_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert choose_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:x", "CUDA", ""])
def test_another_name_is_refused(name: str) -> None:
    with pytest.raises(UsageError) as raised:
        choose_device(name)
    assert str(raised.value) == f"Expected auto, cpu, cuda or cuda:N, got {name!r} at --device."


def test_a_gpu_that_is_not_there_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(
        BackendError, match=r"^Expected a GPU that PyTorch can use, got none for 'cuda:1' at --device\."
    ):
        choose_device("cuda:1")


def test_a_gpu_number_must_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert choose_device("cuda") == torch.device("cuda", 0)
    assert choose_device("cuda:1") == torch.device("cuda", 1)
    with pytest.raises(UsageError, match=r"^Expected a GPU number below 2, got 'cuda:2' at --device\.$"):
        choose_device("cuda:2")


def test_threads_are_limited_for_a_while() -> None:
    torch.set_num_threads(3)
    with limited_threads(1):
        assert torch.get_num_threads() == 1
    with limited_threads(0):
        assert torch.get_num_threads() == 3
    assert torch.get_num_threads() == 3


def test_float32_is_strict_and_determinism_is_set() -> None:
    torch.set_float32_matmul_precision("high")
    configure(Plan(device="cpu", is_deterministic=True))
    assert torch.get_float32_matmul_precision() == "highest"
    assert torch.are_deterministic_algorithms_enabled()
    configure(Plan(device="cpu"))
    assert not torch.are_deterministic_algorithms_enabled()
