"""Which artifacts lie in files and folders, and which of them a name means."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.server.models import write_houses

from ambidex.errors import ArtifactError, InputFileError, UsageError
from ambidex.runtime.repository import Place, Repository, find_places, load_model


def loaded(folder: Path, *versions: int) -> Repository:
    path = write_houses(folder)
    repository = Repository()
    for version in versions:
        repository.put(load_model(Place(name="houses", version=version, path=str(path))))
    return repository


def test_files_and_versions_in_a_folder_are_found(tmp_path: Path) -> None:
    for name in ("a.ambidex", "b/1.ambidex", "b/12.ambidex", "b/notes.txt", "b/x.ambidex", ".c.ambidex", "d.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = [(place.name, place.version) for place in find_places([str(tmp_path)])]
    assert found == [("a", 1), ("b", 1), ("b", 12)]


def test_a_name_with_dots_loses_only_the_suffix(tmp_path: Path) -> None:
    (tmp_path / "oil.v2.ambidex").touch()
    assert [place.name for place in find_places([str(tmp_path / "oil.v2.ambidex")])] == ["oil.v2"]


def test_two_models_of_one_name_are_refused(tmp_path: Path) -> None:
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.ambidex").touch()
    with pytest.raises(UsageError, match="one model per name"):
        find_places([str(tmp_path / "x"), str(tmp_path / "y")])
    assert len(find_places([str(tmp_path / "x"), str(tmp_path / "x")])) == 2


def test_nothing_to_serve_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match="nothing at"):
        find_places([str(tmp_path / "none")])
    with pytest.raises(UsageError, match="no model"):
        find_places([str(tmp_path)])


def test_the_highest_version_is_the_default(tmp_path: Path) -> None:
    repository = loaded(tmp_path, 2, 10, 9)
    assert repository.get("houses").version == 10
    assert repository.get("houses", 9).version == 9
    repository.remove("houses", 10)
    assert repository.get("houses").version == 9


def test_what_is_not_served_is_named(tmp_path: Path) -> None:
    repository = loaded(tmp_path, 1)
    with pytest.raises(UsageError, match="Did you mean 'houses'"):
        repository.get("huoses")
    with pytest.raises(UsageError, match="version 1 of model 'houses', got 7"):
        repository.get("houses", 7)
    repository.remove("houses", 1)
    assert repository.names() == []


def test_a_model_whose_graph_breaks_its_schema_is_refused(tmp_path: Path) -> None:
    from tests.server.models import ADULT, houses_graph, write_model

    path = write_model(tmp_path / "odd.ambidex", ADULT, houses_graph())
    with pytest.raises(ArtifactError, match="a model with inputs"):
        load_model(Place(name="odd", version=1, path=str(path)))
