"""No command writes over what it reads."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cli.conftest import DATA, Command

Link = Callable[[Path, Path], object]


@pytest.fixture
def files(forecaster: Path, tmp_path: Path) -> dict[str, Path]:
    """A model and rows that may be lost."""
    found = {"model": tmp_path / "model.ambidex", "rows": tmp_path / "rows.csv"}
    shutil.copy(forecaster, found["model"])
    shutil.copy(DATA / "co2_weekly_missing.csv", found["rows"])
    return found


COMMANDS = [
    ("export {model} --to onnx", "model"),
    ("export {model} --to onnx --data {rows}", "rows"),
    ("eject {model} --to torch", "model"),
    ("import {model}", "model"),
    ("predict {model} {rows}", "model"),
    ("predict {model} {rows}", "rows"),
    ("evaluate {model} {rows}", "rows"),
    ("train {rows} --target co2 --time date --horizon 8 --window 60", "rows"),
    ("train {rows} --target co2 --time date --horizon 8 --validation {model}", "model"),
    ("train {rows} --target co2 --time date --horizon 8 --config {model}", "model"),
]


@pytest.mark.parametrize(("words", "output"), COMMANDS)
def test_its_own_input_is_no_place_to_write(
    run: Command, files: dict[str, Path], tmp_path: Path, words: str, output: str
) -> None:
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    outcome = run(*words.format(**files).split(), "-o", files[output], "--quiet")
    assert (outcome.status, outcome.out) == (2, "")
    place = files[output]
    message = f"Expected another file than those that are read, got {place} at {place}. Choose another name."
    assert outcome.err == f"ambidex: {message}\n"
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_another_name_of_the_same_file_is_known(
    run: Command, files: dict[str, Path], tmp_path: Path, link: Link
) -> None:
    link(files["model"], tmp_path / "other.onnx")
    before = files["model"].read_bytes()
    outcome = run("export", files["model"], "--to", "onnx", "-o", tmp_path / "other.onnx")
    assert outcome.status == 2
    assert "other.onnx. Choose another name." in outcome.err
    assert files["model"].read_bytes() == before
    assert (tmp_path / "other.onnx").samefile(files["model"])


def test_an_import_ends_in_the_suffix_of_artifacts(run: Command, tmp_path: Path) -> None:
    (tmp_path / "rf.pkl").write_bytes(b"a model")
    outcome = run("import", tmp_path / "rf.pkl", "--trust", "-o", tmp_path / "rf.pkl")
    assert outcome.status == 2
    message = f"Expected a name that ends in .ambidex, got {tmp_path / 'rf.pkl'} at -o.\n"
    assert outcome.err == f"ambidex: {message}"
    assert (tmp_path / "rf.pkl").read_bytes() == b"a model"
