from __future__ import annotations

import errno
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.artifact.samples import entries, good_file, manifest

from ambidex.artifact import (
    CARD,
    ENTRIES,
    MANIFEST,
    MODEL,
    artifact_bytes,
    check_writable,
    open_artifact,
    open_bytes,
    write_artifact,
)
from ambidex.artifact.container import pack, unpack
from ambidex.errors import ArtifactError, InputFileError, OutputFileError, TrainingError


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.ambidex"
    written = write_artifact(path, entries(), manifest=manifest())
    opened = open_artifact(path)
    assert opened.manifest == written
    assert opened.manifest.schema == manifest().schema
    assert {name: opened.read(name) for name in ENTRIES if name != MANIFEST} == entries()
    assert (opened.path, opened.size_bytes) == (str(path), path.stat().st_size)


def test_equal_entries_give_equal_bytes(tmp_path: Path) -> None:
    first, second = tmp_path / "first.ambidex", tmp_path / "second.ambidex"
    write_artifact(first, entries(), manifest=manifest())
    write_artifact(second, dict(reversed(entries().items())), manifest=manifest())
    assert first.read_bytes() == second.read_bytes()


def test_bytes_in_memory_are_the_file(tmp_path: Path) -> None:
    data = artifact_bytes(entries(), manifest=manifest())
    assert data == good_file(tmp_path).read_bytes()
    opened = open_bytes(data)
    assert (opened.data, opened.path, opened.read(CARD)) == (data, "", entries()[CARD])


def test_damaged_bytes_are_refused() -> None:
    data = artifact_bytes(entries(), manifest=manifest())
    with pytest.raises(ArtifactError, match="damaged"):
        open_bytes(data.replace(entries()[CARD], bytes(len(entries()[CARD]))))


def test_any_zip_tool_reads_it(tmp_path: Path) -> None:
    with zipfile.ZipFile(good_file(tmp_path)) as archive:
        assert archive.testzip() is None
        assert tuple(archive.namelist()) == ENTRIES
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert archive.read(CARD) == entries()[CARD]


@given(st.lists(st.binary(max_size=50), min_size=len(ENTRIES), max_size=len(ENTRIES)))
def test_unpack_is_the_inverse_of_pack(contents: list[bytes]) -> None:
    packed = b"".join(pack(dict(zip(ENTRIES, contents, strict=True))))
    assert [packed[start:stop] for start, stop in unpack(packed).values()] == contents


@given(st.data())
def test_no_change_of_a_byte_goes_unnoticed(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = good_file(tmp_path_factory.mktemp("flip"))
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    with pytest.raises(ArtifactError):
        open_artifact(path)


def test_no_truncation_goes_unnoticed(tmp_path: Path) -> None:
    path = good_file(tmp_path)
    content = path.read_bytes()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(ArtifactError):
            open_artifact(path)


def test_a_link_given_by_the_user_is_followed(tmp_path: Path) -> None:
    link = tmp_path / "link.ambidex"
    link.symlink_to(good_file(tmp_path))
    assert open_artifact(link).read(MODEL) == entries()[MODEL]


@pytest.mark.parametrize("make", [lambda path: None, Path.mkdir, os.mkfifo], ids=["missing", "folder", "pipe"])
def test_what_is_no_file_is_an_input_error(tmp_path: Path, make: Any) -> None:
    path = tmp_path / "x.ambidex"
    make(path)
    with pytest.raises(InputFileError, match=r"x\.ambidex"):
        open_artifact(path)


def test_an_empty_file_says_so(tmp_path: Path) -> None:
    path = tmp_path / "x.ambidex"
    path.touch()
    with pytest.raises(ArtifactError, match="got an empty file"):
        open_artifact(path)


def test_a_written_file_replaces_the_old_one_at_once(tmp_path: Path) -> None:
    path = good_file(tmp_path)
    write_artifact(path, {**entries(), CARD: b"new"}, manifest=manifest())
    assert open_artifact(path).read(CARD) == b"new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_no_room_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = good_file(tmp_path)
    before = path.read_bytes()

    def refuse(*_: object) -> NoReturn:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, step, refuse)
    with pytest.raises(TrainingError, match="Expected room on the disk") as caught:
        write_artifact(path, {**entries(), CARD: b"new"}, manifest=manifest())
    monkeypatch.undo()
    assert caught.value.exit_status == 1
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_real_full_disk_is_a_failure_of_the_work() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no device that is always full")
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)), Path("/dev/full").open("wb", buffering=0) as full:
        full.write(b"x")
    with pytest.raises(OutputFileError, match="Expected the name of a file to write, got something else at /dev/full"):
        check_writable("/dev/full")


def test_a_limit_on_file_size_leaves_nothing_behind(tmp_path: Path) -> None:
    script = """
import resource, signal, sys
from tests.artifact.samples import entries, manifest
from ambidex.artifact import MODEL, write_artifact
from ambidex.errors import TrainingError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    write_artifact(sys.argv[1], {**entries(), MODEL: bytes(100_000)}, manifest=manifest())
except TrainingError as error:
    print(error)
"""
    root = Path(__file__).parents[2]
    env = os.environ | {"PYTHONPATH": f"{root}/src{os.pathsep}{root}"}
    command = [sys.executable, "-c", script, str(tmp_path / "x.ambidex")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=env)
    assert done.stdout.startswith("Expected room on the disk, got File too large")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing/x.ambidex", "got No such file or directory"),
        ("folder", "Expected the name of a file to write, got a folder"),
        ("file/x.ambidex", "got Not a directory"),
        ("nul\0.ambidex", "embedded null byte"),
    ],
)
def test_an_impossible_place_is_told_before_training(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    for attempt in (check_writable, lambda path: write_artifact(path, entries(), manifest=manifest())):
        with pytest.raises(OutputFileError, match=message):
            attempt(tmp_path / name)


def test_a_place_that_is_fine_stays_as_it_was(tmp_path: Path) -> None:
    check_writable(tmp_path / "x.ambidex")
    assert list(tmp_path.iterdir()) == []
    path = good_file(tmp_path)
    before = path.read_bytes()
    check_writable(path)
    assert path.read_bytes() == before


def test_entries_must_be_the_format_s(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Expected entries"):
        write_artifact(tmp_path / "x", {**entries(), "extra": b""}, manifest=manifest())


def test_reading_needs_no_numpy_and_no_zipfile(tmp_path: Path) -> None:
    script = "import sys, ambidex.artifact as a; a.open_artifact(sys.argv[1]); print(*sorted(sys.modules))"
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    command = [sys.executable, "-c", script, str(good_file(tmp_path))]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True, env=env).stdout.split()
    assert {"numpy", "zipfile", "tempfile", "pickle", "onnx", "onnxruntime"}.isdisjoint(loaded)
