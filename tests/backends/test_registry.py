"""Engines by name, and an engine's edition in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as numbers
from tests.engines import is_installed
from tests.tolerances import FORWARD_RECURRENT

import ambidex
from ambidex.backends import registry, worker
from ambidex.backends.registry import BACKENDS, check_backend, installed, load_edition, load_native, load_trainer
from ambidex.backends.source import read_arrays, write_arrays
from ambidex.backends.subprocess import run_edition
from ambidex.errors import ArtifactError, BackendError
from ambidex.graph import Builder, Graph, Value, initial_weights, run_network
from ambidex.graph.op import Array


def network() -> Graph:
    builder = Builder([Value(name="file", dtype="float32", shape=("B", "T", 2))])
    builder.add("network", "cells", "gru", "file", units=3)
    builder.add("network", "head.0", "dense", "cells", units=2)
    return builder.build(prepared=["file"], raw_outputs=["head.0"], outputs={"y": "head.0"})


@pytest.mark.parametrize("load", [load_trainer, load_native, load_edition, check_backend])
def test_an_unknown_engine_is_told_the_known_ones(load: object) -> None:
    assert callable(load)
    with pytest.raises(BackendError) as raised:
        load("tensorflw")
    message = "Expected one of jax, tensorflow, torch, got backend 'tensorflw'. Did you mean 'tensorflow'?"
    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("engine", "needs"),
    [
        ("torch", "torch >= 2.4"),
        ("tensorflow", "tensorflow >= 2.18 and keras >= 3.8"),
        ("jax", "jax >= 0.4.34 and keras >= 3.8"),
    ],
)
def test_a_missing_engine_comes_with_its_pip_line(monkeypatch: pytest.MonkeyPatch, engine: str, needs: str) -> None:
    monkeypatch.setattr(registry, "find_spec", lambda name: None)
    assert installed() == []
    with pytest.raises(BackendError) as raised:
        load_trainer(engine)
    assert str(raised.value) == f"Backend {engine!r} needs {needs}: pip install 'ambidex[{engine}]'."


def test_asking_what_is_installed_loads_nothing() -> None:
    code = "import sys; from ambidex.backends.registry import installed; print(installed()); "
    code += "print(sorted({'torch', 'keras', 'tensorflow', 'jax'} & set(sys.modules)))"
    env = {**os.environ, "PYTHONPATH": str(Path(ambidex.__file__).parent.parent)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    found, loaded = done.stdout.splitlines()
    assert found == str([engine for engine in BACKENDS if is_installed(engine)])
    assert loaded == "[]"


names = st.text(min_size=1, max_size=8).filter(lambda name: "\x00" not in name)


@given(arrays=st.dictionaries(names, numbers.arrays(np.float32, numbers.array_shapes(min_dims=0)), max_size=3))
def test_arrays_come_back_from_the_folder(tmp_path_factory: pytest.TempPathFactory, arrays: dict[str, Array]) -> None:
    path = tmp_path_factory.mktemp("arrays") / "x.npz"
    write_arrays(path, arrays)
    found = read_arrays(path)
    assert list(found) == list(arrays)
    assert all(found[name].tobytes() == array.tobytes() for name, array in arrays.items())


@pytest.mark.slow
@pytest.mark.parametrize("engine", BACKENDS)
def test_an_edition_in_its_own_process_agrees_with_numpy(
    engine: str, rng: np.random.Generator, capfd: pytest.CaptureFixture[str]
) -> None:
    if not is_installed(engine):
        pytest.skip(f"{engine} is not installed")
    graph = network()
    weights = initial_weights(graph, 1)
    batches = [{"file": rng.normal(size=shape).astype(np.float32)} for shape in ((1, 4, 2), (3, 7, 2))]
    found = run_edition(engine, graph, weights, batches)
    for raw, prepared in zip(found, batches, strict=True):
        exact = run_network(graph, prepared, weights)["head.0"]
        assert raw["head.0"].dtype == np.float32
        assert np.abs(raw["head.0"] - exact).max() <= FORWARD_RECURRENT
    assert capfd.readouterr() == ("", "")


def test_an_error_over_there_is_raised_here_by_its_class(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(engine: str) -> object:
        raise ArtifactError("Expected something else.")

    monkeypatch.setattr(worker, "load_edition", refuse)
    assert worker.main("torch", tmp_path) == 1
    assert json.loads((tmp_path / "error.json").read_text()) == {
        "kind": "ArtifactError",
        "message": "Expected something else.",
    }


def test_a_process_that_says_nothing_is_an_error_with_its_last_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ambidex.backends.subprocess.check_backend", lambda name: None)
    graph = network()
    broken = msgspec.structs.replace(graph, network=())
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(BackendError) as raised:
        run_edition("torch", broken, initial_weights(graph, 1), [])
    assert str(raised.value) == "Expected torch to finish, got status 1 (no message) at its own process."
