"""A process that runs one foreign model for the server: `python -m ambidex.ingest.serve_worker KIND PATH [--trust]`.

It says once whether the model could be loaded, then answers run after run until its standard input ends. Whatever the
framework prints goes to standard error. Nothing but tensors and texts travels either way.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ambidex.backends.served import Array, Program, travelling
from ambidex.errors import AmbidexError, expected
from ambidex.ingest.floors import check_versions
from ambidex.ingest.hdf5_weights import check_weights
from ambidex.ingest.serve_trial import with_samples
from ambidex.ingest.texts import join_bytes, split_bytes
from ambidex.runtime.foreign import KINDS, check_harmless
from ambidex.runtime.worker_protocol import MAX_TENSORS, Header, Message, read_message, write_message

READERS: dict[str, str] = {
    "keras": "ambidex.backends.keras.serving",
    "onnx": "ambidex.ingest.serve_onnx",
    "pickle": "ambidex.ingest.serve_estimator",
    "pt2": "ambidex.backends.torch.serving",
    "savedmodel": "ambidex.backends.keras.serving",
    "torchscript": "ambidex.backends.torch.serving",
}
"""The module that opens a kind of model: `open_model(path, kind=, is_trusted=)` gives a `Program`."""

PACKAGES: dict[str, tuple[str, ...]] = {
    "keras": ("keras",),
    "pt2": ("torch",),
    "torchscript": ("torch",),
}
"""Whose version decides whether such a file may be read; the others are known only as programs."""

_DTYPES = {
    "BOOL": "?",
    **{f"INT{bits}": f"<i{bits // 8}" for bits in (8, 16, 32, 64)},
    **{f"UINT{bits}": f"<u{bits // 8}" for bits in (8, 16, 32, 64)},
    "FP32": "<f4",
    "FP64": "<f8",
}
_LONGEST_TEXT = 500
_DEATH_SIGNAL = 1
"""`PR_SET_PDEATHSIG` of Linux' prctl."""


def main(arguments: list[str]) -> int:
    """Loads the model and answers until nobody asks any more; 1 if it cannot be loaded."""
    kind, path, *flags = arguments
    asked, answers = claim_pipes()
    die_with_parent()
    try:
        program = open_program(kind, path, is_trusted="--trust" in flags)
        interface = with_samples(program)
    except Exception as error:  # noqa: BLE001 - the door: whatever a framework raises is the file's fault
        write_message(answers, Message(kind="unloadable", text=refusal_of(path, error)))
        return 1
    write_message(answers, Message(kind="loaded", interface=interface))
    while (received := read_message(asked)) is not None:
        message, contents = received
        reply, blobs = answer(program, message, contents)
        write_message(answers, reply, blobs)
    return 0


def claim_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Both pipes for us alone: what the model prints or reads must not get between the messages."""
    asked, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    return asked, answers


def die_with_parent() -> None:
    """The server decides when this ends: signals meant for it are left to it, but its death is ours, even mid-run."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if sys.platform.startswith("linux"):
        import ctypes

        parent = os.getppid()
        ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGKILL)
        if os.getppid() != parent:  # it died in between
            os._exit(1)


def open_program(kind: str, path: str, *, is_trusted: bool) -> Program:
    """The loaded model. Raises `BackendError` for a framework with known holes, and whatever the framework raises.

    A Keras file that nobody vouched for is read by us first, and refused with an `ArtifactError`.
    """
    check_versions(PACKAGES.get(kind, ()))
    if kind == "keras" and not is_trusted:
        check_harmless(path, KINDS[".keras"])
        check_weights(Path(path))
    program: Program = import_module(READERS[kind]).open_model(path, kind=kind, is_trusted=is_trusted)
    return program


def refusal_of(path: str, error: Exception) -> str:
    """Why a file cannot be served."""
    if isinstance(error, AmbidexError):
        return error.message
    return expected("a model that its framework can load", got=shortened(error), where=path)


def shortened(error: BaseException) -> str:
    """An exception in one line of bounded length."""
    text = " ".join(str(error).split())
    cut = text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 3] + "..."
    return f"{type(error).__name__}: {cut}" if cut else type(error).__name__


def answer(program: Program, message: Message, contents: list[memoryview]) -> tuple[Message, list[bytes]]:
    """One run. Whatever the model raises is said to be the values' fault: they are what differs from run to run."""
    try:
        inputs = {header.name: array_of(header, raw) for header, raw in zip(message.tensors, contents, strict=True)}
        return outputs_message(program.run(inputs, message.wanted), message.wanted)
    except Exception as error:  # noqa: BLE001 - the door: the server hears of it and answers its client
        return Message(kind="refused", text=shortened(error)), []


def array_of(header: Header, raw: memoryview) -> Array:
    """The array of a tensor; texts become an object array of bytes."""
    if header.datatype == "BYTES":
        texts = np.empty(header.shape, object)
        texts.reshape(-1)[:] = split_bytes(raw)
        return texts
    # A copy: frameworks want memory that they may write to.
    return np.frombuffer(raw, _DTYPES[header.datatype]).reshape(header.shape).copy()


def outputs_message(outputs: Mapping[str, Array], wanted: tuple[str, ...]) -> tuple[Message, list[bytes]]:
    """The answer. Raises `TypeError` or `ValueError` for what cannot travel."""
    headers, blobs = [], []
    for name in wanted or tuple(outputs):
        datatype, array = travelling(np.asarray(outputs[name]))
        if datatype == "BYTES":
            blob = join_bytes(array.reshape(-1).tolist())
        else:
            blob = np.ascontiguousarray(array, _DTYPES[datatype]).tobytes()
        headers.append(Header(name=name, datatype=datatype, shape=array.shape, size=len(blob)))
        blobs.append(blob)
    total = sum(header.size for header in headers)
    if total > MAX_TENSORS:
        raise ValueError(f"outputs of {total} bytes")
    return Message(kind="answered", tensors=tuple(headers)), blobs


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
