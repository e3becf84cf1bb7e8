"""A source travels to another process and is the same there."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tests.export.artifacts import artifact_of

from ambidex.backends import target_worker
from ambidex.backends.source import read_arrays, read_source, write_arrays, write_source
from ambidex.errors import ArtifactError
from ambidex.workflow.export import source_of

texts = hnp.arrays(object, hnp.array_shapes(min_side=0, max_dims=3), elements=st.text(max_size=4))
numbers = hnp.arrays(st.sampled_from(["f8", "f4", "i8", "?"]), hnp.array_shapes(min_side=0, max_dims=3))


names = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=5)


@given(arrays=st.dictionaries(names, st.one_of(texts, numbers), max_size=3))
def test_arrays_come_back_as_they_went(arrays: dict[str, np.ndarray]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "arrays.npz"
        write_arrays(path, arrays)
        found = read_arrays(path)
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)
        np.testing.assert_array_equal(found[name], array)


def test_a_source_comes_back_as_it_went(tmp_path: Path) -> None:
    source = source_of(artifact_of("mlp"))
    write_source(tmp_path, source)
    found = read_source(tmp_path)
    assert (found.name, found.graph, found.schema, found.metadata) == (
        source.name,
        source.graph,
        source.schema,
        source.metadata,
    )
    for there, here in ((found.weights, source.weights), (found.rows, source.rows)):
        assert there.keys() == here.keys()
        for name in here:
            np.testing.assert_array_equal(there[name], here[name])


def test_what_goes_wrong_in_the_worker_is_left_for_who_waits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(module: str, folder: Path, output: Path) -> None:
        raise ArtifactError("Expected something else.")

    monkeypatch.setitem(target_worker.VERBS, "write", refuse)
    assert target_worker.main("write", "some.module", tmp_path, tmp_path / "out") == 1
    assert json.loads((tmp_path / "error.json").read_text())["kind"] == "ArtifactError"


def test_a_full_disk_over_there_is_said_as_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fill(module: str, folder: Path, output: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setitem(target_worker.VERBS, "write", fill)
    assert target_worker.main("write", "some.module", tmp_path, Path("out")) == 1
    assert json.loads((tmp_path / "error.json").read_text()) == {
        "kind": "TrainingError",
        "message": "Expected room on the disk, got No space left on device at out. "
        "Free some space, or write to another disk.",
    }
