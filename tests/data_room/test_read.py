"""Files as people have them."""

from __future__ import annotations

import csv
import gzip
import io
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambidex.data.read import read_table
from ambidex.data.read_csv import parse_csv
from ambidex.data.table import Table
from ambidex.errors import BackendError, DataError, InputFileError


def save(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def as_dict(table: Table) -> dict[str, list[object]]:
    return {name: list(table.column(name)) for name in table.names}


def test_cells_stay_text_as_written(tmp_path: Path) -> None:
    table = read_table(save(tmp_path, "a.csv", 'a,b\n1, x \n,"say ""hi"",\nfriend"\n'))
    assert as_dict(table) == {"a": ["1", ""], "b": [" x ", 'say "hi",\nfriend']}
    assert (table.num_rows, table.place(1)) == (2, "row 2 of a.csv")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(tmp_path: Path, delimiter: str) -> None:
    text = f"a{delimiter}b{delimiter}c\n1{delimiter}2{delimiter}3\n"
    assert as_dict(read_table(save(tmp_path, "a.csv", text))) == {"a": ["1"], "b": ["2"], "c": ["3"]}


def test_decimal_commas_do_not_cut_cells(tmp_path: Path) -> None:
    table = read_table(save(tmp_path, "a.csv", "price;size\n1,5;2,5\n3,5;4,5\n"))
    assert as_dict(table) == {"price": ["1,5", "3,5"], "size": ["2,5", "4,5"]}


def test_commas_in_quotes_do_not_cut_cells(tmp_path: Path) -> None:
    table = read_table(save(tmp_path, "a.csv", 'a\n"1,2"\n"3,4"\n'))
    assert as_dict(table) == {"a": ["1,2", "3,4"]}


def test_mark_line_ends_and_blank_lines_are_tolerated(tmp_path: Path) -> None:
    table = read_table(save(tmp_path, "a.csv", "\ufeffa , b\r\n1,2\r\n\r\n3,4\r\n\r\n"))
    assert as_dict(table) == {"a": ["1", "3"], "b": ["2", "4"]}


@pytest.mark.parametrize("name", ["a.csv.gz", "a.CSV.GZ", "a.csv"])
def test_gzip_is_recognised_by_its_content(tmp_path: Path, name: str) -> None:
    assert as_dict(read_table(save(tmp_path, name, gzip.compress(b"a\n1\n")))) == {"a": ["1"]}


def test_a_tsv_is_cut_at_tabs_alone(tmp_path: Path) -> None:
    assert as_dict(read_table(save(tmp_path, "a.tsv", "a,b\n1,2\n"))) == {"a,b": ["1,2"]}


def test_json_lines_keep_types_and_fill_absent_keys(tmp_path: Path) -> None:
    lines = '{"a": 1, "b": "x"}\n\n{"a": 2.5, "c": true}\n{"b": null}\n'
    table = read_table(save(tmp_path, "a.jsonl", lines))
    assert as_dict(table) == {"a": [1, 2.5, None], "b": ["x", None, None], "c": [None, True, None]}


def test_columns_are_chosen_in_the_order_asked(tmp_path: Path) -> None:
    path = save(tmp_path, "a.csv", "a,b,c\n1,2,3\n")
    assert read_table(path, columns=["c", "a"]).names == ("c", "a")
    with pytest.raises(DataError, match=r"a column of a\.csv, got 'd'"):
        read_table(path, columns=["d"])


ADVICE = "Save it as UTF-8 (it may be Windows-1252 or Latin-1)."
UNNAMED = "Name it; a frame's index is left out with index=False."
UNCLOSED = "Close each quote, and double the quotes inside one."


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "a table, got an empty file at a.csv."),
        (" \n\n", "a table, got an empty file at a.csv."),
        ("a,b\n", "rows, got a header and nothing below it at a.csv."),
        ("a,b,a\n1,2,3\n", "different column names, got 'a' for columns 1 and 3 at line 1 of a.csv. Rename one."),
        (",b\n1,2\n", f"a name for each column, got none for column 1 at line 1 of a.csv. {UNNAMED}"),
        ('a,b\n1,"x\ny"\n1,2,3\n', "2 cells as in the header, got 3 (cut at commas) at line 4 of a.csv."),
        (b"a,b\n1,\xe9t\xe9\n", f"UTF-8 text, got byte 0xe9 at byte 6 (line 2) of a.csv. {ADVICE}"),
        (b"\xef\xbb\xbfa\n\xff\n", f"UTF-8 text, got byte 0xff at byte 5 (line 2) of a.csv. {ADVICE}"),
        ("a\n1\n".encode("utf-16"), "UTF-8 text, got UTF-16 at a.csv. Save it as UTF-8."),
        (b"a,b\n1,\0\n", "text, got a NUL byte at byte 6 (line 2) of a.csv."),
        (
            'a,b\n1,"x\n2,3\n',
            f"well-formed CSV, got an error (unexpected end of data) at line 3 of a.csv. {UNCLOSED}",
        ),
    ],
)
def test_what_cannot_be_read_is_named_with_its_place(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(InputFileError) as caught:
        read_table(save(tmp_path, "a.csv", content))
    assert str(caught.value) == f"Expected {message}"


def test_broken_json_names_its_line(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match=r"a JSON object, got list at line 2 of a\.jsonl\."):
        read_table(save(tmp_path, "a.jsonl", '{"a": 1}\n[1]\n'))
    with pytest.raises(InputFileError, match=r"at line 2 of a\.jsonl"):
        read_table(save(tmp_path, "a.jsonl", '{"a": 1}\n{"a": \n'))


def test_missing_files_folders_and_unknown_kinds_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match="got nothing"):
        read_table(tmp_path / "none.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(InputFileError, match="got a folder"):
        read_table(tmp_path / "folder.csv")
    with pytest.raises(InputFileError, match=r"ends in \.csv.*got a\.xlsx"):
        read_table(save(tmp_path, "a.xlsx", "x"))


def test_a_cut_gzip_file_is_refused(tmp_path: Path) -> None:
    packed = gzip.compress(b"a\n" + b"1\n" * 10000)
    with pytest.raises(InputFileError, match="whole gzip file"):
        read_table(save(tmp_path, "a.csv.gz", packed[: len(packed) // 2]))


@pytest.mark.parametrize(("text", "names"), [(b"a,b\n1,2\n", ("a", "b")), (b'\n{"a": 1}\n', ("a",))])
def test_standard_input_is_csv_or_json_lines(
    monkeypatch: pytest.MonkeyPatch, text: bytes, names: tuple[str, ...]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
    assert read_table("-").names == names


def test_text_files_are_read_without_numpy(tmp_path: Path) -> None:
    path = save(tmp_path, "a.csv", "a\n1\n")
    code = (
        f"import sys; from ambidex.data.read import read_table as r; r({str(path)!r}); sys.exit('numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_without_pyarrow_parquet_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(BackendError, match=r"pip install 'ambidex\[data\]'"):
        read_table(save(tmp_path, "a.parquet", "x"))


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow"])
def test_a_damaged_arrow_file_is_refused(tmp_path: Path, name: str) -> None:
    pytest.importorskip("pyarrow")
    with pytest.raises(InputFileError, match="pyarrow refuses"):
        read_table(save(tmp_path, name, "not one of these"))


CELLS = st.text(st.characters(blacklist_characters="\0\r", blacklist_categories=["Cs"]), max_size=8)


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=8))
def test_every_cell_comes_back(rows: list[tuple[str, str, str]]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([("a", "b", "c"), *rows])
    table = parse_csv(text.getvalue().encode(), "x", delimiter=",")
    assert list(zip(*as_dict(table).values(), strict=True)) == rows


def test_many_rows_share_equal_texts_and_stay_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ambidex.data.read_csv.SHARING_FROM_CHARACTERS", 0)
    monkeypatch.setattr("ambidex.data.read_csv.CHUNK_ROWS", 1000)
    rows = [(f"level {i % 7}", str(i)) for i in range(10_500)]
    data = "a,b\n" + "".join(f"{a},{b}\n" for a, b in rows)
    table = parse_csv(data.encode(), "x")
    assert list(zip(table.column("a"), table.column("b"), strict=True)) == rows
    assert len({id(text) for text in table.column("a")}) == 7
