"""Targets whose runtimes are large or need an environment of their own: `make test-targets`.

Each gets an environment below .venv-targets/, made once, which sees the packages of this one. Every architecture is
exported there, which runs what was written in the target's own runtime; TorchServe is started and asked over HTTP.
Prints what ran, and what could not be installed and why. Ends with 1 if one that could be installed fails.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
import urllib.request
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import URLError

import numpy as np

from ambidex.export.torchserve import rows_of
from ambidex.workflow.export import source_of
from ambidex.workflow.load import Artifact
from tests.export.artifacts import SERIES, TABLES, artifact_of

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / ".venv-targets"
START_S, TIMEOUT_S = 120, 1800


class NotInstallableError(Exception):
    """Why a runtime could not be had here."""


class Runtime(NamedTuple):
    """Packages to install, and what to run with the environment's Python on the artifacts of a folder."""

    packages: tuple[str, ...]
    run: Callable[[Path, dict[str, Artifact], Path], None]


def export_all(
    target: str, *, refused: frozenset[str] = frozenset()
) -> Callable[[Path, dict[str, Artifact], Path], None]:
    """Exports every artifact in the environment, and prints the largest difference of each.

    Those that must be `refused` may not appear.
    """

    def run(python: Path, artifacts: dict[str, Artifact], folder: Path) -> None:
        for name in artifacts:
            output = folder / f"{name}-{target}"
            words = ["export", folder / f"{name}.ambidex", "--to", target, "-o", output, "--json", "--quiet"]
            try:
                result = json.loads(call([python, "-m", "ambidex", *words]))
            except subprocess.CalledProcessError as error:
                if name not in refused:
                    raise
                print(f"  {target} {name}: refused: {json.loads(error.stdout)['error']['message']}", flush=True)
                continue
            assert name not in refused, f"{name} can be exported to {target} by now: say so in the table"
            print(f"  {target} {name}: {result['certificate']['max_abs']:.1e} in {result['checked_in']}", flush=True)

    return run


def torchserve(python: Path, artifacts: dict[str, Artifact], folder: Path) -> None:
    """Serves every archive with the real TorchServe and compares its answers with the artifact's own."""
    if shutil.which("java") is None:
        raise NotInstallableError("TorchServe needs Java 11 or later")
    export_all("torchserve")(python, artifacts, folder)
    store = folder / "store"
    store.mkdir()
    for name in artifacts:
        (folder / f"{name}-torchserve").rename(store / f"{name}.mar")
    with serving(python, store, list(artifacts)) as url:
        for name, artifact in artifacts.items():
            rows, expected = requests_of(artifact)
            found = [row[next(iter(row))] for row in ask(f"{url}/predictions/{name}", rows)]
            is_text = isinstance(found[0], str)
            same = found == expected if is_text else np.allclose(found, expected, rtol=1e-5, atol=1e-5)
            assert same, f"{name}: TorchServe answers {found}, the artifact {expected}"
            print(f"  torchserve {name}: {len(rows)} rows over HTTP answered alike", flush=True)


def requests_of(artifact: Artifact) -> tuple[list[dict[str, Any]], list[Any]]:
    """Rows as a client sends them, and the first output of each."""
    source = source_of(artifact)
    outputs = artifact.to_numpy().predict(source.rows)
    return rows_of(source, source.rows), outputs[next(iter(outputs))].tolist()


@contextmanager
def serving(python: Path, store: Path, names: list[str]) -> Iterator[str]:
    """TorchServe with these models in the foreground, until the block ends; gives its address."""
    ports = [free_port() for _ in range(3)]
    kinds = ("inference", "management", "metrics")
    lines = [f"{kind}_address=http://127.0.0.1:{port}" for kind, port in zip(kinds, ports, strict=True)]
    config = store.parent / "config.properties"
    config.write_text("\n".join([*lines, "default_workers_per_model=1"]) + "\n")
    models = [f"{name}={name}.mar" for name in names]
    command = [python.parent / "torchserve", "--start", "--foreground", "--ncs", "--disable-token-auth"]
    command += ["--model-store", store, "--ts-config", config, "--models", *models]
    places = {"LOG_LOCATION": str(store.parent), "METRICS_LOCATION": str(store.parent)}
    env = os.environ | places | {"PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}"}
    with (store.parent / "torchserve.log").open("w") as log:
        server = subprocess.Popen(
            list(map(str, command)), env=env, cwd=store.parent, stdout=log, stderr=log, start_new_session=True
        )
        try:
            url = f"http://127.0.0.1:{ports[0]}"
            wait_for(f"{url}/ping", server)
            yield url
        finally:
            os.killpg(server.pid, signal.SIGTERM)  # the program, the Java that it started, and its workers
            server.wait(timeout=30)


def wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    """Until the server answers that it is healthy, which it says once every worker has loaded its model."""
    until = time.monotonic() + START_S
    while time.monotonic() < until and server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                if json.load(answer)["status"] == "Healthy":
                    return
        except (URLError, ConnectionError, KeyError):
            pass
        time.sleep(0.5)
    raise TimeoutError(f"TorchServe did not become healthy within {START_S} s")


def ask(url: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The answers for rows."""
    request = urllib.request.Request(url, json.dumps(rows).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        answers: list[dict[str, Any]] = json.load(answer)
    return answers


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


RUNTIMES: dict[str, Runtime] = {
    "openvino": Runtime(("openvino",), export_all("openvino")),
    "mlflow": Runtime(("mlflow-skinny",), export_all("mlflow")),
    "torchserve": Runtime(("torchserve", "pyyaml"), torchserve),
    "executorch": Runtime(("executorch",), export_all("executorch", refused=frozenset({"gru"}))),
}


def call(command: list[object]) -> str:
    """Standard output of a command in the repository, with our source at hand. Raises `CalledProcessError`."""
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    words = list(map(str, command))
    return subprocess.run(
        words, cwd=ROOT, env=env, check=True, timeout=TIMEOUT_S, capture_output=True, text=True
    ).stdout


def environment(name: str, packages: tuple[str, ...]) -> Path:
    """The Python of a runtime's environment, which finds our own packages too. Raises `NotInstallableError`."""
    folder = HOME / name
    python, done = folder / "bin" / "python", folder / ".installed"
    if not done.exists():
        print(f"{name}: installing into {folder.relative_to(ROOT)}", flush=True)
        venv.create(folder, with_pip=True, clear=True)
        ours = sysconfig.get_path("purelib")
        site = Path(call([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]).strip())
        (site / "ours.pth").write_text(ours + "\n")
        try:
            call([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *packages])
        except subprocess.CalledProcessError as error:
            raise NotInstallableError(last_line(error)) from error
        done.touch()
    return python


def last_line(error: subprocess.CalledProcessError) -> str:
    return str(error.stdout + error.stderr).strip().splitlines()[-1]


def try_one(name: str, artifacts: dict[str, Artifact], folder: Path) -> str:
    """What became of a runtime: a word, and why."""
    packages, run = RUNTIMES[name]
    (folder / name).mkdir()
    for model, artifact in artifacts.items():
        (folder / name / f"{model}.ambidex").write_bytes(artifact.opened.data)
    try:
        run(environment(name, packages), artifacts, folder / name)
    except NotInstallableError as error:
        return f"not run: {error}"
    except subprocess.CalledProcessError as error:
        return f"FAILED: {last_line(error)}"
    except (AssertionError, TimeoutError) as error:
        return f"FAILED: {error}"
    return "passed"


def main(names: list[str]) -> int:
    """Tries these runtimes, or all; 1 if one fails."""
    if unknown := sorted(set(names) - RUNTIMES.keys()):
        print(f"Expected runtimes among {', '.join(RUNTIMES)}, got {', '.join(unknown)}.", file=sys.stderr)
        return 2
    artifacts = {model: artifact_of(model) for model in [*TABLES, *SERIES]}
    with tempfile.TemporaryDirectory() as folder:
        results = {name: try_one(name, artifacts, Path(folder)) for name in names or RUNTIMES}
    for name, result in results.items():
        print(f"{name:<12} {result}")
    return int(any(result.startswith("FAILED") for result in results.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
