"""Models that are programs are read only where somebody vouched for them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ambidex.errors import ArtifactError
from ambidex.runtime.foreign import FOLDER, KINDS, SAVED_MODEL, check_trusted, kind_of
from ambidex.runtime.repository import Place, find_places, folder_places
from tests.server.foreign.models import write_hostile
from tests.server.models import write_houses
from tests.server.running import SOURCE, running


def serve(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ambidex", "serve", "--port", "0", *arguments]
    env = {**os.environ, "PYTHONPATH": str(SOURCE)}
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)


def test_a_pickle_is_refused_without_trust_and_does_not_run(tmp_path: Path) -> None:
    path = write_hostile(tmp_path / "model.pkl", os.mkdir, str(tmp_path / "it_ran"))
    done = serve(str(path))
    assert done.returncode == 2
    assert done.stderr == (
        f"ambidex: Expected --trust for a pickle, got none at {path}. A pickle runs code of its maker's choice while "
        "it is read: serve it with --trust if you know who made it.\n"
    )
    assert not (tmp_path / "it_ran").exists()


def test_a_program_that_lies_in_a_folder_is_left_out_and_reported(tmp_path: Path) -> None:
    write_houses(tmp_path)
    path = write_hostile(tmp_path / "model.pkl", os.mkdir, str(tmp_path / "it_ran"))
    with running([tmp_path], {"watch_seconds": 0.05}) as server:
        listed = server.get("/models").json
        assert [model["name"] for model in listed["models"]] == ["houses"]
        assert [failure["path"] for failure in listed["failures"]] == [str(path)]
        assert server.post("/models/model/predict", {"rows": []}).status == 404
    assert not (tmp_path / "it_ran").exists()


@pytest.mark.parametrize(
    ("name", "is_program"),
    [
        *(("m" + suffix, True) for suffix in (".pkl", ".joblib", ".pt", ".ts", ".pt2")),
        *(("m" + suffix, False) for suffix in (".keras", ".onnx")),
    ],
)
def test_what_needs_trust(name: str, is_program: bool) -> None:
    kind = kind_of(name)
    assert kind is not None
    check_trusted(name, kind, is_trusted=True)
    if not is_program:
        check_trusted(name, kind, is_trusted=False)
        return
    with pytest.raises(ArtifactError, match="--trust") as caught:
        check_trusted(name, kind, is_trusted=False)
    assert caught.value.code == "untrusted"


def test_every_kind_says_why_it_needs_trust_or_that_it_does_not() -> None:
    assert {kind.name: bool(kind.danger) for kind in (*KINDS.values(), FOLDER)} == {
        "pickle": True,
        "torchscript": True,
        "pt2": True,
        "savedmodel": True,
        "keras": False,
        "onnx": False,
    }


def saved_model(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / SAVED_MODEL).touch()
    return folder


def names(places: list[Place]) -> list[tuple[str, int]]:
    return [(place.name, place.version) for place in places]


def test_folders_of_foreign_models_are_found_as_their_own_servers_lay_them_out(tmp_path: Path) -> None:
    for file in ("line.pkl", "house/1.ambidex", "house/2.keras", "readme.txt", "house/notes.md"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).touch()
    saved_model(tmp_path / "plain")
    saved_model(tmp_path / "half_plus_two" / "7")
    found = [("half_plus_two", 7), ("house", 1), ("house", 2), ("line", 1), ("plain", 1)]
    assert names(folder_places(str(tmp_path))) == found
    assert names(find_places([str(tmp_path / "half_plus_two")])) == [("half_plus_two", 7)]
    assert names(find_places([str(tmp_path / "plain") + "/"])) == [("plain", 1)]
