"""What comes after training, measured through the commands that a user has: every export, and the server's start."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ambidex
from ambidex.compare.comparison import ExportResult

EXPORT_TIMEOUT_S = 300
SERVER_TIMEOUT_S = 60
SUFFIXES: dict[str, str] = {"keras": ".keras"}
"""Formats whose reader asks for a suffix."""


def measure_export(artifact: Path, target: str, folder: Path) -> ExportResult:
    """Exports to one target in a process of its own; what goes wrong is the result."""
    output = folder / f"export-{target}{SUFFIXES.get(target, '')}"
    began = time.perf_counter()
    try:
        done = subprocess.run(  # noqa: S603 - our own command
            [*_command("export"), str(artifact), "--to", target, "-o", str(output), "--json", "--quiet"],
            env=_environment(),
            capture_output=True,
            text=True,
            timeout=EXPORT_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return ExportResult(target=target, reason=f"not finished after {EXPORT_TIMEOUT_S} s")
    took = time.perf_counter() - began
    return read_export(target, done.stdout, took, _last_line(done.stderr))


def read_export(target: str, printed: str, took_s: float, complaint: str) -> ExportResult:
    """The result from what `export --json` printed."""
    try:
        result = json.loads(printed)
    except json.JSONDecodeError:
        return ExportResult(target=target, seconds=took_s, reason=complaint or "no answer")
    if "error" in result:
        return ExportResult(target=target, seconds=took_s, reason=str(result["error"]["message"]))
    certificate = result.get("certificate")
    checked = certificate if isinstance(certificate, dict) else {}
    return ExportResult(
        target=target,
        seconds=float(result.get("seconds", took_s)),
        size_bytes=int(result.get("size_bytes", 0)),
        max_abs=checked.get("max_abs"),
        passed=bool(checked.get("passed", False)),
        reason="" if checked else "written, but could not be run here",
    )


def measure_server(artifact: Path, runs: int) -> list[float]:
    """Seconds from starting `ambidex serve` to the first answer over HTTP, run by run; one start before is not counted.

    Raises `OSError` or `ValueError` where the server does not answer.
    """
    with _served(artifact) as url, _open(url) as response:
        body = json.dumps(json.loads(response.read())["example"]).encode()
    took = []
    for _ in range(runs):
        began = time.perf_counter()
        with _served(artifact) as url, _open(f"{url}/predict", body) as response:
            response.read()
            took.append(time.perf_counter() - began)
    return took


def _open(url: str, body: bytes | None = None) -> Any:
    request = urllib.request.Request(url, data=body, headers={"Content-Type": "application/json"})  # noqa: S310
    return urllib.request.urlopen(request, timeout=SERVER_TIMEOUT_S)  # noqa: S310 - our own address


@contextmanager
def _served(artifact: Path) -> Iterator[str]:
    """The address of the model on a server of its own."""
    process = subprocess.Popen(  # noqa: S603 - our own command
        [*_command("serve"), str(artifact), "--port", "0", "--json"],
        env=_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        announced = json.loads(process.stdout.readline())
        yield f"{announced['url']}/models/{artifact.stem}"
    finally:
        process.terminate()
        process.communicate(timeout=SERVER_TIMEOUT_S)


def _command(name: str) -> Sequence[str]:
    return [sys.executable, "-m", "ambidex", name]


def _environment() -> dict[str, str]:
    source = str(Path(ambidex.__file__).parent.parent)
    paths = os.pathsep.join(part for part in (source, os.environ.get("PYTHONPATH", "")) if part)
    return {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"} | {"PYTHONPATH": paths}


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[-1].removeprefix("ambidex: ")
