"""Where the engine computes, and in which arithmetic."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

from ambidex.backends.torch._import import torch
from ambidex.errors import BackendError, UsageError, expected
from ambidex.training.plan import Plan


def choose_device(name: str) -> torch.device:
    """The device called `auto` (the first GPU, else the CPU), `cpu`, `cuda` or `cuda:N`.

    Raises `UsageError` for another name or a GPU number that does not exist, `BackendError` where there is no GPU.
    """
    if name == "auto":
        return torch.device("cuda", 0) if torch.cuda.is_available() else torch.device("cpu")
    if name == "cpu":
        return torch.device("cpu")
    match = re.fullmatch(r"cuda(?::(\d+))?", name)
    if match is None:
        raise UsageError(expected("auto, cpu, cuda or cuda:N", got=repr(name), where="--device"))
    return _cuda(int(match[1] or 0), name)


def _cuda(number: int, name: str) -> torch.device:
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if count == 0:
        fix = "Choose --device cpu, or install a PyTorch built for CUDA and its driver."
        raise BackendError(expected("a GPU that PyTorch can use", got=f"none for {name!r}", where="--device", fix=fix))
    if number >= count:
        raise UsageError(expected(f"a GPU number below {count}", got=repr(name), where="--device"))
    return torch.device("cuda", number)


def configure(plan: Plan) -> None:
    """Sets what PyTorch keeps per process: precision, determinism, the seed.

    Float32 is strict unless the plan asks for tf32, which only some GPUs have. Raises `UsageError` for float16 on a
    CPU, whose kernels for it are slower than float32 and lack some of our ops.
    """
    device = choose_device(plan.device)
    if plan.precision == "float16" and device.type == "cpu":
        fix = "Choose bfloat16 or float32."
        raise UsageError(expected("a GPU for float16", got="device cpu", where="--precision", fix=fix))
    is_tf32 = plan.precision == "tf32" and device.type == "cuda"
    torch.set_float32_matmul_precision("high" if is_tf32 else "highest")
    torch.backends.cudnn.allow_tf32 = is_tf32
    torch.backends.cudnn.benchmark = False  # its choice of kernel differs from run to run
    if plan.is_deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read by cuBLAS when it starts
    torch.use_deterministic_algorithms(plan.is_deterministic)
    torch.manual_seed(plan.seed)


@contextmanager
def limited_threads(count: int) -> Iterator[None]:
    """Computes with that many threads (0: as many as the process has set); the process's own number comes back."""
    before = torch.get_num_threads()
    if count:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        if count:
            torch.set_num_threads(before)
