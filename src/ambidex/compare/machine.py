"""The machine, and what is installed on it: versions, sizes, threads."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterable
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from ambidex.compare.comparison import Machine

WHEELS: dict[str, tuple[str, ...]] = {
    "torch": ("torch",),
    "tensorflow": ("tensorflow-cpu", "tensorflow", "tensorflow-macos", "keras"),
    "jax": ("jax", "keras"),
    "onnxruntime": ("onnxruntime", "onnxruntime-gpu"),
}
"""What a user installs for an engine; of several builds the one that is here counts."""
OTHERS: tuple[str, ...] = ("numpy", "onnx")


def describe_machine() -> Machine:
    """Processor, memory, system, versions; the load is of the last minute, before anything is measured."""
    names = dict.fromkeys([*(name for wheels in WHEELS.values() for name in wheels), "jaxlib", *OTHERS])
    versions = {name: found.version for name in names if (found := find_distribution(name)) is not None}
    return Machine(
        name=platform.node(),
        cpu=_cpu_name(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        memory_gib=_memory_gib(),
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        versions=versions,
        load=os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0,
        gpu=_gpu_name(),
        cpu_flags=_cpu_flags(),
    )


def find_distribution(name: str) -> Distribution | None:
    """An installed package, or None."""
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def install_sizes(engine: str) -> dict[str, int]:
    """Bytes on the disk of every package that an engine brings along, the largest first."""
    sizes: dict[str, int] = {}
    waiting = list(WHEELS[engine])
    while waiting:
        name = waiting.pop().lower().replace("_", "-")
        found = None if name in sizes else find_distribution(name)
        if found is None:
            continue
        sizes[name] = _size(found)
        waiting += _required(found)
    return dict(sorted(sizes.items(), key=lambda item: -item[1]))


def _required(package: Distribution) -> Iterable[str]:
    """The packages that it needs under no extra; one that is for another system is not installed, so is not found."""
    for text in package.requires or []:
        requirement, _, marker = text.partition(";")
        match = re.match(r"[A-Za-z0-9._-]+", requirement.strip())
        if match and "extra" not in marker:
            yield match[0]


def _size(package: Distribution) -> int:
    """The files that its record lists, as far as they exist."""
    total = 0
    for file in package.files or []:
        path = Path(str(package.locate_file(file)))
        total += path.stat().st_size if path.is_file() else 0
    return total


def _cpu_name() -> str:
    return _cpu_line("model name") or platform.processor() or platform.machine()


def _cpu_flags() -> tuple[str, ...]:
    """The vector instructions, which decide the kernels that frameworks choose."""
    flags = _cpu_line("flags").split()
    return tuple(flag for flag in flags if flag in {"avx2", "fma", "amx_tile", "amx_bf16"} or flag.startswith("avx512"))


def _cpu_line(key: str) -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return ""
    found = re.search(rf"^{key}\s*:\s*(.*)$", text, re.MULTILINE)
    return found[1].strip() if found else ""


def _memory_gib() -> float:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (ValueError, OSError, AttributeError):
        return 0.0


def _gpu_name() -> str:
    """The first GPU's name, memory and driver, if NVIDIA's tool is there."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return ""
    query = [tool, "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=20, check=False)  # noqa: S603 - fixed words
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip().splitlines()[0] if done.returncode == 0 and done.stdout.strip() else ""
