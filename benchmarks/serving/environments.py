"""Environments for the servers of others, below .venv-rivals/, made when asked for: `throughput.py --install`."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

HOME = Path(__file__).parent.parent.parent / ".venv-rivals"
PACKAGES: dict[str, tuple[str, ...]] = {
    "python": ("numpy", "onnxruntime==1.31.1", "uvloop", "httptools", "orjson", "fastapi", "uvicorn"),
    # A newer uvloop raises where MLServer's workers ask for an event loop.
    "mlserver": ("mlserver==1.7.1", "uvloop==0.21.0", "onnxruntime==1.31.1"),
    # A tritonserver with the Python backend is inside; onnxruntime is what the backend's model calls.
    "triton": ("nvidia-pytriton==0.7.0", "onnxruntime==1.31.1"),
}


def python_of(name: str) -> Path | None:
    """The environment's Python, or None where it was not made."""
    python = HOME / name / "bin" / "python"
    return python if (HOME / name / ".installed").exists() else None


def install() -> None:
    """Makes what is missing, and says of the rest why it cannot be had."""
    for name, packages in PACKAGES.items():
        if python_of(name) is not None:
            continue
        print(f"{name}: installing {' '.join(packages)}", file=sys.stderr, flush=True)
        venv.create(HOME / name, with_pip=True)
        command = [HOME / name / "bin" / "python", "-m", "pip", "install", "-q", *packages]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
        if done.returncode == 0:
            (HOME / name / ".installed").touch()
        else:
            print(f"{name}: cannot be installed here: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
