from __future__ import annotations

import time
from pathlib import Path

import pytest
from tests.artifact.hostile_files import CASES, FOLDER, good
from tests.artifact.samples import SHAPES

from ambidex.artifact import MODEL, WEIGHTS, open_artifact
from ambidex.artifact.onnx_reader import check_model
from ambidex.artifact.tensors import check_shapes, read_header
from ambidex.errors import ArtifactError


def read_all(path: Path) -> None:
    """Everything that is checked before a model is used."""
    opened = open_artifact(path)
    check_model(opened.read(MODEL))
    check_shapes(read_header(opened.read(WEIGHTS)), SHAPES)


def test_the_good_file_passes(tmp_path: Path) -> None:
    path = tmp_path / "good.ambidex"
    path.write_bytes(good())
    read_all(path)


@pytest.mark.parametrize("name", sorted(CASES))
@pytest.mark.parametrize("copy", ["made", "committed"])
def test_a_hostile_file_is_refused_with_the_reason(
    name: str, copy: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make, reason = CASES[name]
    path = FOLDER / f"{name}.ambidex"
    if copy == "made":
        path = tmp_path / path.name
        path.write_bytes(make())
    started = time.perf_counter()
    with pytest.raises(ArtifactError) as caught:
        read_all(path)
    assert reason in str(caught.value)
    assert time.perf_counter() - started < 1.0
    assert capsys.readouterr().out == ""


def test_every_committed_file_is_explained() -> None:
    explained = (FOLDER / "README.md").read_text()
    files = sorted(path.stem for path in FOLDER.glob("*.ambidex"))
    assert files == sorted(CASES)
    assert [name for name in files if f"`{name}`" not in explained] == []


def test_the_committed_files_stay_small() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 300_000
