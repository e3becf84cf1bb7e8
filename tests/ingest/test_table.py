from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from ambidex.errors import InputFileError, UsageError
from ambidex.ingest.table import READERS, reader_of


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.kind)
def test_every_reader_is_there(reader: object) -> None:
    assert callable(getattr(import_module(reader.module), reader.function))  # type: ignore[attr-defined]


def test_a_file_that_can_run_code_needs_trust(tmp_path: Path) -> None:
    path = tmp_path / "model.pkl"
    path.touch()
    with pytest.raises(UsageError, match=r"a pickle is a program, so reading it can run code .* --trust") as caught:
        reader_of(path, is_trusted=False)
    assert caught.value.where == "--trust"
    assert reader_of(path, is_trusted=True).danger


def test_an_unknown_kind_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    path = tmp_path / "model.exe"
    path.touch()
    with pytest.raises(InputFileError, match=r"Expected a file that ends in one of \.pkl, .*got 'model.exe'"):
        reader_of(path, is_trusted=True)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match="Expected a model's file, got none"):
        reader_of(tmp_path / "model.onnx", is_trusted=True)
