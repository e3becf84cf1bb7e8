"""Model files as names and bytes, and back."""

from __future__ import annotations

from pathlib import Path

import pytest

from ambidex.errors import InputFileError
from ambidex.scale.bundle import pack, unpack


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_arrives_as_it_was_but_for_hidden_files(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    for name in ("a.ambidex", "b/1.ambidex", "b/2.ambidex", ".hidden", ".git/x"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    arrived = unpack(pack(folder), tmp_path / "there")
    assert arrived.name == "models"
    assert contents(arrived) == {name: data for name, data in contents(folder).items() if not name.startswith(".")}


def test_a_file_keeps_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.ambidex").write_bytes(b"model")
    arrived = unpack(pack(tmp_path / "a.ambidex"), tmp_path / "there")
    assert (arrived.name, arrived.read_bytes()) == ("a.ambidex", b"model")


def test_a_file_that_is_gone_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match="files to read"):
        pack(tmp_path / "none")
