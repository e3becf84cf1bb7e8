"""Models that only their own framework can run: which files they are, and which of them are programs.

What is a program here is decided by evidence, not by what a format says of itself:

- a pickle calls whatever it names while it is read;
- a SavedModel's graph can read and write files ("models are programs", TensorFlow's SECURITY.md);
- TorchScript carries code of its own, with operators that read and write files;
- a `.pt2` file is read with `torch.load(weights_only=False)` in places (CVE-2026-4538);
- a `.keras` file names the objects to build and is read in Keras' safe mode, which has had hole after hole; it passes
  only if a reader of ours finds nothing but layers that compute, and the version of Keras has no known hole;
- an ONNX file is a list of operators, of which the strict reader lets known ones through.
"""

from __future__ import annotations

import os

import msgspec

from ambidex.artifact.format import MAX_BYTES, MODEL
from ambidex.errors import ArtifactError, expected

SAVED_MODEL = "saved_model.pb"
"""The file that makes a folder a SavedModel."""


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of foreign model: its name, what to call one, and why it needs trust (empty: it needs none)."""

    name: str
    title: str
    danger: str = ""


_PICKLE = Kind(name="pickle", title="a pickle", danger="A pickle runs code of its maker's choice while it is read")
_TORCHSCRIPT = Kind(
    name="torchscript", title="a TorchScript file", danger="A TorchScript file holds code that can read and write files"
)
KINDS: dict[str, Kind] = {
    ".joblib": _PICKLE,
    ".keras": Kind(name="keras", title="a Keras file"),
    ".onnx": Kind(name="onnx", title="an ONNX file"),
    ".pkl": _PICKLE,
    ".pt": _TORCHSCRIPT,
    ".pt2": Kind(name="pt2", title="a .pt2 file", danger="A .pt2 file holds pickles, which can run code while read"),
    ".ts": _TORCHSCRIPT,
}
"""The kinds that are files, by suffix."""
FOLDER = Kind(name="savedmodel", title="a SavedModel", danger="A SavedModel is a program that can read and write files")


def kind_of(path: str) -> Kind | None:
    """The kind of foreign model that lies there; None for anything else."""
    if os.path.isfile(os.path.join(path, SAVED_MODEL)):
        return FOLDER
    return KINDS.get(os.path.splitext(path)[1])


def check_trusted(path: str, kind: Kind, *, is_trusted: bool) -> None:
    """Raises `ArtifactError` for a program that nobody vouched for; nothing of it has been read by then."""
    if kind.danger and not is_trusted:
        fix = f"{kind.danger}: serve it with --trust if you know who made it."
        error = ArtifactError(expected(f"--trust for {kind.title}", got="none", where=path, fix=fix), where=path)
        error.code = "untrusted"
        raise error


def check_harmless(path: str, kind: Kind) -> None:
    """Reads a file of a kind that needs no trust, without its framework. Other kinds pass: they were vouched for.

    Raises `ArtifactError` with the reason unless it holds nothing but known layers or operators.
    """
    try:
        if kind.name == "keras":
            from ambidex.runtime.keras_file import check_keras_file

            check_keras_file(path)
        elif kind.name == "onnx":
            from ambidex.artifact.onnx_reader import check_model

            check_model(_whole(path))
    except ArtifactError as error:
        place = "" if path in error.message else f"{path}: "
        fix = "Serve it with --trust if you know who made it."
        refusal = ArtifactError(f"{place}{error.message} {fix}", where=path)
        refusal.code = "untrusted"
        raise refusal from error


def _whole(path: str) -> bytes:
    if not os.path.isfile(path):
        raise ArtifactError(expected("a regular file", got="something else", where=path), where=path)
    if (size := os.path.getsize(path)) > MAX_BYTES[MODEL]:
        raise ArtifactError(expected(f"at most {MAX_BYTES[MODEL]} bytes", got=size, where=path), where=path)
    with open(path, "rb") as file:
        return file.read()
