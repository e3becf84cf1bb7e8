"""The table of readers: which file is whose, what reads it, and whether reading it can run code."""

from __future__ import annotations

from pathlib import Path

import msgspec

from ambidex.errors import BackendError, InputFileError, UsageError, expected
from ambidex.ingest.floors import check_versions

FOLDER = "/"
"""Stands for the suffix of a folder."""


class Reader(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One kind of file. `module` and `function` read it.

    `packages` must be importable, `needs` is what pip is asked for where one is not. `danger` says how reading can run
    code (empty: it cannot); then it needs `--trust`. `takes_wanted`: the file may not know its labels or columns.
    """

    kind: str
    suffixes: tuple[str, ...]
    module: str
    function: str
    packages: tuple[str, ...]
    needs: str
    danger: str = ""
    takes_wanted: bool = False


READERS: tuple[Reader, ...] = (
    Reader(
        kind="scikit-learn pickle",
        suffixes=(".pkl", ".pickle", ".joblib"),
        module="ambidex.ingest.estimator_file",
        function="read_pickle",
        packages=("sklearn", "skl2onnx"),
        needs="scikit-learn skl2onnx onnxmltools",
        danger="a pickle is a program",
    ),
    Reader(
        kind="scikit-learn (skops)",
        suffixes=(".skops",),
        module="ambidex.ingest.estimator_file",
        function="read_skops",
        packages=("sklearn", "skl2onnx", "skops"),
        needs="scikit-learn skl2onnx onnxmltools skops",
    ),
    Reader(
        kind="LightGBM",
        suffixes=(".txt", ".lgb"),
        module="ambidex.ingest.boosters",
        function="read_lightgbm",
        packages=("lightgbm", "onnxmltools", "skl2onnx"),
        needs="lightgbm onnxmltools skl2onnx",
        takes_wanted=True,
    ),
    Reader(
        kind="XGBoost",
        suffixes=(".ubj", ".json", ".xgb"),
        module="ambidex.ingest.boosters",
        function="read_xgboost",
        packages=("xgboost", "onnxmltools", "skl2onnx"),
        needs="xgboost-cpu onnxmltools skl2onnx",
        takes_wanted=True,
    ),
    Reader(
        kind="CatBoost",
        suffixes=(".cbm",),
        module="ambidex.ingest.boosters",
        function="read_catboost",
        packages=("catboost", "onnx"),
        needs="catboost onnx",
    ),
    Reader(
        kind="ONNX",
        suffixes=(".onnx",),
        module="ambidex.ingest.onnx_file",
        function="read_onnx",
        packages=("onnx",),
        needs="onnx",
        takes_wanted=True,
    ),
    Reader(
        kind="TorchScript",
        suffixes=(".pt", ".pth", ".ts"),
        module="ambidex.ingest.program",
        function="read_torchscript",
        packages=("torch", "onnx"),
        needs="'ambidex[torch]'",
        danger="TorchScript is a program",
        takes_wanted=True,
    ),
    Reader(
        kind="torch.export",
        suffixes=(".pt2",),
        module="ambidex.ingest.program",
        function="read_pt2",
        packages=("torch", "onnx"),
        needs="'ambidex[torch]'",
        danger="a .pt2 file is a program",
        takes_wanted=True,
    ),
    Reader(
        kind="Keras",
        suffixes=(".keras",),
        module="ambidex.ingest.program",
        function="read_keras",
        packages=("tensorflow", "keras", "tf2onnx"),
        needs="'ambidex[tensorflow]' tf2onnx",
        danger="a .keras file can hold functions",
        takes_wanted=True,
    ),
    Reader(
        kind="SavedModel",
        suffixes=(FOLDER,),
        module="ambidex.ingest.program",
        function="read_savedmodel",
        packages=("tensorflow", "keras", "tf2onnx"),
        needs="'ambidex[tensorflow]' tf2onnx",
        danger="a SavedModel is a program",
        takes_wanted=True,
    ),
)


def reader_of(path: Path, *, is_trusted: bool) -> Reader:
    """What reads the file. Raises `InputFileError` for an unknown kind and `UsageError` where trust is missing."""
    if not path.exists():
        raise InputFileError(expected("a model's file", got="none", where=str(path)))
    if not (path.is_file() or path.is_dir()):
        raise InputFileError(expected("a regular file or a folder", got="something else", where=str(path)))
    suffix = FOLDER if path.is_dir() else path.suffix.lower()
    for reader in READERS:
        if suffix in reader.suffixes:
            if reader.danger and not is_trusted:
                fix = "If it is yours, say so: --trust. It is read in a process of its own."
                got = f"{reader.danger}, so reading it can run code"
                raise UsageError(
                    expected("a file that is data only", got=got, where=str(path), fix=fix), where="--trust"
                )
            return reader
    known = ", ".join(part for reader in READERS for part in reader.suffixes if part != FOLDER)
    raise InputFileError(expected(f"a file that ends in one of {known}", got=repr(path.name), where=str(path)))


def check_packages(reader: Reader) -> None:
    """A `BackendError` where something is not installed, or is a version with known holes; loads nothing."""
    from importlib.util import find_spec

    if missing := [name for name in reader.packages if find_spec(name) is None]:
        what = f"{', '.join(missing)} to read {reader.kind}"
        raise BackendError(f"Expected {what}, got none installed. pip install {reader.needs}")
    check_versions(reader.packages)
