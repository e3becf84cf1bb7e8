"""Clients and clusters of others, too large or too picky for the environment of `make test`: `make test-clients`.

Each gets an environment of its own below .venv-clients/, made once. Ends with 1 if one that could be installed fails.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests.server.models import write_adult, write_houses, write_oil, write_stores
from tests.server.running import SOURCE, Server, running

ROOT = SOURCE.parent
HOME = ROOT / ".venv-clients"
# The last wheel of tritonclient that brings the program; it is linked against two libraries of others.
PERF_ANALYZER = ("tritonclient==2.47.0", "nvidia-cuda-runtime-cu12")
ADULT = '{"data": [{"age": [39.0], "hours-per-week": [40.0], "workclass": ["x"], "member": [1.0], "since": [0]}]}'


class NotInstallableError(Exception):
    """Why a client could not be had here."""


class Client(NamedTuple):
    """Packages to install, and what to run with the environment's Python, the server and the folder of models."""

    packages: tuple[str, ...]
    run: Callable[[Path, Server, Path], None]


def kserve(python: Path, server: Server, models: Path) -> None:
    del models
    call([python, "-m", "tests.clients.kserve_calls", f"{server.host}:{server.port}", server.announced["grpc"]])


def ray(python: Path, server: Server, models: Path) -> None:
    call([python, "-m", "tests.clients.ray_calls", f"{server.host}:{server.port}", models])


def perf_analyzer(python: Path, server: Server, models: Path) -> None:
    """Triton's load generator: a shape by HTTP and gRPC, named columns from a file."""
    program, libraries = fetch_perf_analyzer(python)
    values = models.parent / "adult.json"
    values.write_text(ADULT, encoding="utf-8")
    short = ["-b", "1", "--concurrency-range", "2", "-p", "500", "-s", "999", "-r", "3"]
    env = {"LD_LIBRARY_PATH": str(libraries)}
    http, grpc = f"{server.host}:{server.port}", server.announced["grpc"]
    call([program, "-m", "houses", "-i", "http", "-u", http, "--shape", "rooms:1", *short], env)
    call([program, "-m", "adult", "-i", "http", "-u", http, "--input-data", values, *short], env)
    call([program, "-m", "houses", "-i", "grpc", "-u", grpc, "--shape", "rooms:1", *short], env)


CLIENTS: dict[str, Client] = {
    "kserve": Client(("kserve",), kserve),
    "perf_analyzer": Client((), perf_analyzer),
    "ray": Client(("ray[serve]", "httptools", "uvloop", "msgspec", "onnxruntime", "onnx"), ray),
}
"""`pip install perf-analyzer` gives an empty package: the program comes out of an older wheel of tritonclient."""


def call(command: list[object], more: dict[str, str] | None = None) -> None:
    """Runs a command in the repository, with our source at hand. Raises `CalledProcessError`."""
    env = {**os.environ, "PYTHONPATH": str(SOURCE), **(more or {})}
    subprocess.run(list(map(str, command)), cwd=ROOT, env=env, check=True, timeout=600, capture_output=True, text=True)


def environment(name: str, packages: tuple[str, ...]) -> Path:
    """The Python of the client's environment. Raises `NotInstallableError`."""
    folder = HOME / name
    python, done = folder / "bin" / "python", folder / ".installed"
    if not done.exists():
        print(f"{name}: installing into {folder.relative_to(ROOT)}", flush=True)
        venv.create(folder, with_pip=True)
        if packages:
            pip(python, "install", *packages)
        done.touch()
    return python


def pip(python: Path, *words: str) -> None:
    try:
        call([python, "-m", "pip", "-q", *words])
    except subprocess.CalledProcessError as error:
        raise NotInstallableError(error.stderr.strip().rpartition("\n")[2]) from error


def fetch_perf_analyzer(python: Path) -> tuple[Path, Path]:
    """The program, and the folder of a library it wants. Raises `NotInstallableError`."""
    folder = HOME / "perf_analyzer" / "unpacked"
    if not folder.exists():
        pip(python, "download", "--no-deps", "-d", str(folder), *PERF_ANALYZER)
        for wheel in folder.glob("*.whl"):
            zipfile.ZipFile(wheel).extractall(folder)
    program = next(folder.glob("*.data/data/bin/perf_analyzer"))
    libraries = next(folder.rglob("libcudart.so*")).parent
    program.chmod(0o755)
    try:
        call([program, "--version"], {"LD_LIBRARY_PATH": str(libraries)})
    except subprocess.CalledProcessError as error:
        raise NotInstallableError(f"{error.stderr.strip()} (apt-get install libb64-0d)") from error
    return program, libraries


def main(wanted: list[str]) -> int:
    verdicts: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as name:
        models = Path(name) / "models"
        for write in (write_adult, write_houses, write_oil, write_stores):
            write(models)
        with running([models], {"grpc_port": 0, "is_quiet": True}) as server:
            for client in wanted or CLIENTS:
                verdicts[client] = verdict(client, server, models)
                print(f"{client}: {verdicts[client]}", flush=True)
    return int(any(text.startswith("failed") for text in verdicts.values()))


def verdict(name: str, server: Server, models: Path) -> str:
    client = CLIENTS[name]
    try:
        client.run(environment(name, client.packages), server, models)
    except NotInstallableError as error:
        return f"cannot be installed here: {error}"
    except subprocess.CalledProcessError as error:
        return f"failed:\n{error.stdout}\n{error.stderr}"
    except subprocess.TimeoutExpired as error:
        return f"failed: no end after {error.timeout:.0f} s"
    return "works unchanged"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
