"""The device a network runs on, and the switches of the process that decide its arithmetic."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, suppress
from typing import Any

from ambidex.backends.keras._import import active_engine, jax, tf
from ambidex.errors import BackendError, UsageError, expected
from ambidex.training.plan import Plan


def choose_device(name: str) -> str:
    """The device called 'auto', 'cpu', 'cuda' or 'cuda:N', as 'cpu' or 'cuda:N'; 'auto' is the GPU where there is one.

    Raises a `UsageError` for another name, a `BackendError` where the engine has no GPU.
    """
    if name in ("auto", "cpu"):
        return "cuda:0" if name == "auto" and _num_gpus() else "cpu"
    kind, colon, number = name.partition(":")
    if kind != "cuda" or (colon and not number.isdigit()):
        raise UsageError(expected("auto, cpu, cuda or cuda:N", got=repr(name), where="--device"))
    count = _num_gpus()
    if not count:
        fix = "Choose --device cpu, or install the engine with its support for GPUs."
        what = f"a GPU that {active_engine()} can use"
        raise BackendError(expected(what, got=f"none for {name!r}", where="--device", fix=fix))
    if int(number or 0) >= count:
        raise UsageError(expected(f"a GPU number below {count}", got=repr(name), where="--device"))
    return f"cuda:{int(number or 0)}"


def configure(plan: Plan) -> None:
    """Applies what a plan says about the process.

    float32 is strict unless the precision is 'tf32'. Both engines take the number of threads only before they have
    computed anything; after that it stays as it is.
    """
    is_tf32 = plan.precision == "tf32"
    if active_engine() == "jax":
        _configure_jax(plan, is_tf32)
    else:
        _configure_tensorflow(plan, is_tf32)
    if plan.is_deterministic and active_engine() == "tensorflow":
        tf.config.experimental.enable_op_determinism()


def scope(device: str) -> AbstractContextManager[Any]:
    """The context in which tensors and operations go to a device."""
    kind, _, number = device.partition(":")
    if active_engine() == "jax":
        found: AbstractContextManager[Any] = jax.default_device(jax.devices(kind)[int(number or 0)])
    else:
        found = tf.device("/CPU:0" if kind == "cpu" else f"/GPU:{number}")
    return found


def _num_gpus() -> int:
    if active_engine() == "tensorflow":
        return len(tf.config.list_physical_devices("GPU"))
    return len([device for device in jax.devices() if device.platform == "gpu"])


def _configure_tensorflow(plan: Plan, is_tf32: bool) -> None:
    tf.config.experimental.enable_tensor_float_32_execution(is_tf32)
    # A RuntimeError says that TensorFlow runs already.
    with suppress(RuntimeError):
        for gpu in tf.config.list_physical_devices("GPU"):
            tf.config.experimental.set_memory_growth(gpu, True)
        if plan.threads:
            tf.config.threading.set_intra_op_parallelism_threads(plan.threads)
            tf.config.threading.set_inter_op_parallelism_threads(plan.threads)


def _configure_jax(plan: Plan, is_tf32: bool) -> None:
    # Read when JAX first computes something; growing memory instead of taking most of it at once.
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    flags = []
    if plan.threads:
        os.environ["NPROC"] = str(plan.threads)  # the size of XLA's pool, which no flag of XLA's sets
    if plan.threads == 1:
        flags.append("--xla_cpu_multi_thread_eigen=false")
    if plan.is_deterministic:
        flags.append("--xla_gpu_deterministic_ops=true")
    present = os.environ.get("XLA_FLAGS", "")
    os.environ["XLA_FLAGS"] = " ".join([present, *(flag for flag in flags if flag not in present)]).strip()
    jax.config.update("jax_default_matmul_precision", "tensorfloat32" if is_tf32 else "highest")
