"""Files written whole or not at all."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ambidex.data.read import read_table
from ambidex.data.write import write_table
from ambidex.errors import OutputFileError, TrainingError

COLUMNS: dict[str, Any] = {
    "n": np.array([0.1, np.nan, 1e-300]),
    "f": np.array([0.1, 2.5, 3.0], dtype=np.float32),
    "t": ["a,b", None, 'say "x"\nnow'],
    "when": np.array(["2020-01-01", "NaT", "2020-01-02T03:00"], dtype="datetime64[us]"),
    "flag": [True, False, None],
}


def cells(path: Path) -> dict[str, list[Any]]:
    table = read_table(path)
    return {name: list(table.column(name)) for name in table.names}


@pytest.mark.parametrize("name", ["o.csv", "o.csv.gz", "o.tsv"])
def test_csv_comes_back_and_missing_is_empty(tmp_path: Path, name: str) -> None:
    write_table(tmp_path / name, COLUMNS)
    assert cells(tmp_path / name) == {
        "n": ["0.1", "", "1e-300"],
        "f": ["0.1", "2.5", "3.0"],
        "t": ["a,b", "", 'say "x"\nnow'],
        "when": ["2020-01-01 00:00:00", "", "2020-01-02 03:00:00"],
        "flag": ["true", "false", ""],
    }


@pytest.mark.parametrize("name", ["o.jsonl", "o.ndjson.gz"])
def test_json_lines_come_back_and_missing_is_null(tmp_path: Path, name: str) -> None:
    write_table(tmp_path / name, COLUMNS)
    found = cells(tmp_path / name)
    assert found["n"] == [0.1, None, 1e-300]
    assert found["t"] == COLUMNS["t"]
    assert found["flag"] == COLUMNS["flag"]


@pytest.mark.parametrize("name", ["o.parquet", "o.arrow", "o.feather"])
def test_arrow_keeps_types(tmp_path: Path, name: str) -> None:
    pytest.importorskip("pyarrow")
    write_table(tmp_path / name, COLUMNS)
    table = read_table(tmp_path / name, columns=["when", "n", "t"])
    np.testing.assert_array_equal(table.column("n"), COLUMNS["n"])
    np.testing.assert_array_equal(table.column("when"), COLUMNS["when"])
    assert table.column("t") == COLUMNS["t"]


def test_equal_tables_make_equal_bytes(tmp_path: Path) -> None:
    for name in ("a.csv.gz", "b.csv.gz"):
        write_table(tmp_path / name, COLUMNS)
    assert (tmp_path / "a.csv.gz").read_bytes() == (tmp_path / "b.csv.gz").read_bytes()


def test_standard_output_is_csv_or_json_lines(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    write_table("-", {"a": [1, None], "b": ["x", "y"]})
    assert capfdbinary.readouterr().out == b"a,b\n1,x\n,y\n"
    write_table("-", {"a": [1]}, stdout_kind="json")
    assert capfdbinary.readouterr().out == b'{"a":1}\n'


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "o.csv"
    path.write_text("old")
    with pytest.raises(ValueError, match="zip"):
        write_table(path, {"a": [1, 2], "b": [1]})
    assert [entry.name for entry in tmp_path.iterdir()] == ["o.csv"]
    assert path.read_text() == "old"


def test_a_full_disk_is_a_failure_of_the_work(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    (tmp_path / "o.csv").symlink_to("/dev/full")
    with pytest.raises(TrainingError, match="room to write"):
        write_table(tmp_path / "o.csv", COLUMNS)


@pytest.mark.parametrize(
    ("name", "message"),
    [("none/o.csv", "Create the folder first"), ("o.xlsx", r"ends in \.csv"), ("folder.csv", "got a folder")],
)
def test_what_cannot_be_written_is_said(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(OutputFileError, match=message):
        write_table(tmp_path / name, {"a": [1]})


def test_a_protected_folder_is_said(tmp_path: Path) -> None:
    if os.name == "nt" or os.geteuid() == 0:
        pytest.skip("everything may be written here")
    tmp_path.chmod(0o500)
    with pytest.raises(OutputFileError, match="may write to"):
        write_table(tmp_path / "o.csv", {"a": [1]})


def test_dates_and_times_of_python_are_iso(tmp_path: Path) -> None:
    write_table(tmp_path / "o.csv", {"d": [dt.date(2020, 1, 2)], "t": [dt.datetime(2020, 1, 2, 3)]})
    assert (tmp_path / "o.csv").read_text() == "d,t\n2020-01-02,2020-01-02 03:00:00\n"
