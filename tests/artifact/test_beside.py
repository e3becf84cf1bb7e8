"""Files and folders of others appear whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from ambidex.artifact.beside import check_free, written_beside
from ambidex.errors import OutputFileError


def test_a_file_appears_with_what_was_left_beside_it(tmp_path: Path) -> None:
    with written_beside(tmp_path / "net.xml") as path:
        path.write_text("graph")
        path.with_suffix(".bin").write_text("weights")
        assert [part.name for part in tmp_path.iterdir()] == [path.parent.name]
    assert {part.name: part.read_text() for part in tmp_path.iterdir()} == {"net.xml": "graph", "net.bin": "weights"}


def test_nothing_is_left_where_the_writer_fails(tmp_path: Path) -> None:
    (tmp_path / "net.xml").write_text("before")
    with pytest.raises(ZeroDivisionError), written_beside(tmp_path / "net.xml") as path:
        path.write_text(str(1 / 0))
    assert {part.name: part.read_text() for part in tmp_path.iterdir()} == {"net.xml": "before"}


def test_a_file_is_replaced_and_an_empty_folder_filled(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("before")
    (tmp_path / "b").mkdir()
    check_free(tmp_path / "a", "file")
    check_free(tmp_path / "b", "folder")
    with written_beside(tmp_path / "a") as path:
        path.write_text("after")
    with written_beside(tmp_path / "b") as path:
        path.mkdir()
        (path / "inside").write_text("x")
    assert (tmp_path / "a").read_text() == "after"
    assert (tmp_path / "b" / "inside").read_text() == "x"


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "one").write_text("mine")
    with pytest.raises(OutputFileError) as raised:
        check_free(tmp_path / "photos", "folder")
    place = tmp_path / "photos"
    assert raised.value.message == (
        f"Expected a new folder, or an empty one, got a folder with something in it at {place}. "
        "Choose another name, or remove it first."
    )


@pytest.mark.parametrize(("name", "form"), [("folder", "file"), ("file", "folder"), ("file", "either")])
def test_the_wrong_kind_of_place_is_refused(name: str, form: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputFileError):
        check_free(tmp_path / name, form)  # type: ignore[arg-type]


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    for form in ("file", "folder"):
        with pytest.raises(OutputFileError, match="Create the folder first"):
            check_free(tmp_path / "nowhere" / "out", form)
    assert not list(tmp_path.iterdir())
