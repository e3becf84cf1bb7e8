"""What importing a framework consists of: its slowest parts, and the import with its files out of the page cache."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import Distribution
from pathlib import Path

from ambidex.compare.comparison import ImportProfile
from ambidex.compare.machine import find_distribution, install_sizes
from ambidex.compare.statistics import Interval, interval

STATEMENTS: dict[str, str] = {
    "torch": "import torch",
    "tensorflow": "import tensorflow, keras",
    "jax": "import jax, keras",
    "onnxruntime": "import onnxruntime",
}
LISTED = 6
COLD_RUNS = 2
LEAST_READ = 0.2
"""An import counts as cold where the kernel read this share of the bytes that were dropped, or that it needs."""
TIMEOUT_S = 300
TIMER = """
import time
began = time.perf_counter()
{statement}
took = time.perf_counter() - began
try:
    read = next(int(line.split()[1]) for line in open("/proc/self/io") if line.startswith("read_bytes"))
except OSError:
    read = 0
print(took, read)
"""


def profile_import(engine: str, *, is_cold_wanted: bool) -> ImportProfile:
    """The profile of an engine's import; the cold one only where the kernel takes the hint to forget the files."""
    packages = install_sizes(engine)
    cold, why = _cold_import(engine, list(packages)) if is_cold_wanted else (None, "left out of --quick")
    return ImportProfile(
        engine=engine,
        slowest_s=_slowest(engine),
        cold_s=cold,
        why_not_cold=why,
        install_bytes=sum(packages.values()),
        packages=packages,
    )


def _slowest(engine: str) -> dict[str, float]:
    done = _run(engine, ["-X", "importtime", "-c", STATEMENTS[engine]])
    return slowest_packages(done.stderr) if done is not None and done.returncode == 0 else {}


def slowest_packages(text: str) -> dict[str, float]:
    """Seconds spent in the modules of each top-level package themselves, from what `-X importtime` prints."""
    seconds: dict[str, float] = {}
    for line in text.splitlines():
        parts = line.removeprefix("import time:").split("|")
        if len(parts) != 3 or not parts[0].strip().isdigit():
            continue
        package = parts[2].strip().partition(".")[0]
        seconds[package] = seconds.get(package, 0.0) + int(parts[0]) / 1e6
    ranked = sorted(seconds.items(), key=lambda item: -item[1])
    return {name: round(value, 4) for name, value in ranked[:LISTED]}


def _cold_import(engine: str, packages: Sequence[str]) -> tuple[Interval | None, str]:
    files = [path for name in packages for path in package_files(find_distribution(name))]
    size = sum(path.stat().st_size for path in files)
    took: list[float] = []
    for _ in range(COLD_RUNS):
        if not forget(files):
            return None, "the system has no call to drop files from the page cache"
        done = _run(engine, ["-c", TIMER.format(statement=STATEMENTS[engine])])
        if done is None or done.returncode != 0:
            return None, "the import failed"
        seconds, read = done.stdout.split()[-2:]
        if int(read) < LEAST_READ * min(size, 2**27):
            return None, "the system kept the files in the page cache"
        took.append(float(seconds))
    return interval(took), ""


def package_files(package: Distribution | None) -> Iterator[Path]:
    """The files of an installed package that exist."""
    for file in (package.files or []) if package is not None else []:
        path = Path(str(package.locate_file(file)))  # type: ignore[union-attr]
        if path.is_file():
            yield path


def forget(files: Sequence[Path]) -> bool:
    """Asks the kernel to drop files from the page cache, which needs no rights and touches nobody else's."""
    if not hasattr(os, "posix_fadvise"):
        return False
    for path in files:
        try:
            number = os.open(path, os.O_RDONLY)
        except OSError:
            continue
        try:
            os.posix_fadvise(number, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(number)
    return True


def _run(engine: str, arguments: Sequence[str]) -> subprocess.CompletedProcess[str] | None:
    env = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", "ORT_DISABLE_TELEMETRY": "1"}
    env["KERAS_BACKEND"] = engine if engine in ("tensorflow", "jax") else "tensorflow"
    command = [sys.executable, *arguments]
    try:
        return subprocess.run(  # noqa: S603 - our own interpreter, our own words
            command, env=env, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return None
