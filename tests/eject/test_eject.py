"""The folder: whole or not there, and the command in front of it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import ambidex
from ambidex.cli.main import main
from ambidex.eject import eject
from ambidex.errors import OutputFileError, UsageError

GOLDEN = Path(__file__).parents[1] / "golden" / "files"
MODELS = sorted(GOLDEN.glob("*.ambidex"))


@pytest.fixture
def model() -> Path:
    """An artifact that the project keeps."""
    return MODELS[0]


def test_writes_program_weights_requirements_and_readme(model: Path, tmp_path: Path) -> None:
    done = eject(ambidex.load(model), "torch", tmp_path / "mine")
    assert {"model.py", "weights.safetensors", "requirements.txt", "README.md"} <= set(done.files)
    assert {path.name for path in (tmp_path / "mine").iterdir()} == set(done.files)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_the_same_model_gives_the_same_bytes(model: Path, tmp_path: Path) -> None:
    artifact = ambidex.load(model)
    for framework in ("torch", "keras"):
        folders = [eject(artifact, framework, tmp_path / f"{framework}{i}").path for i in range(2)]
        first, second = ({path.name: path.read_bytes() for path in folder.iterdir()} for folder in folders)
        assert first == second


def test_an_empty_folder_is_taken_and_a_full_one_is_not(model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    eject(ambidex.load(model), "keras", folder, minimal=True)
    with pytest.raises(OutputFileError, match="new or empty"):
        eject(ambidex.load(model), "keras", folder)


def test_a_file_in_the_way_and_a_missing_parent_are_said(model: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputFileError, match="got a file"):
        eject(ambidex.load(model), "torch", tmp_path / "file")
    with pytest.raises(OutputFileError, match="Create the folder above"):
        eject(ambidex.load(model), "torch", tmp_path / "no" / "mine")


def test_an_unknown_framework_is_refused_before_anything_is_written(model: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Did you mean 'torch'"):
        eject(ambidex.load(model), "troch", tmp_path / "mine")
    assert not (tmp_path / "mine").exists()


def test_a_stop_while_writing_leaves_nothing(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(self: Path, target: Path) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "rename", stop)
    with pytest.raises(KeyboardInterrupt):
        eject(ambidex.load(model), "torch", tmp_path / "mine")
    assert list(tmp_path.iterdir()) == []


def test_the_command_says_why_a_page_is_longer_than_one(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    module = sys.modules[eject.__module__]
    monkeypatch.setattr(module, "PAGE", 50)
    monkeypatch.setattr(module, "beyond_a_page", lambda subject: ("columns of dates", "quantiles"))
    assert main(["eject", str(model), "--to", "keras", "-o", str(tmp_path / "mine"), "--minimal"]) == 0
    note = capsys.readouterr().out.splitlines()[-1]
    assert note.endswith(" lines, more than the 50 of a page: columns of dates and quantiles take the rest")
    assert main(["eject", str(model), "--to", "keras", "-o", str(tmp_path / "full")]) == 0
    assert "note: " not in capsys.readouterr().out


def test_the_command_says_what_it_wrote(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eject", str(model), "--to", "keras", "-o", str(tmp_path / "mine"), "--minimal", "--json"]) == 0
    assert '"framework": "keras"' in capsys.readouterr().out
    assert main(["eject", str(model), "--to", "keras", "-o", str(tmp_path / "mine")]) == 2
    assert "new or empty" in capsys.readouterr().err
