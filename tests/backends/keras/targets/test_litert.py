from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.backends.keras.targets.sources import WINDOW, network_source, prepared, series_source, table_source
from tests.export.onnx.models import draw_inputs
from tests.tolerances import FORWARD_RECURRENT

from ambidex.arch.table import MODELS
from ambidex.backends.keras.targets import litert
from ambidex.backends.source import Options, Precision, Source
from ambidex.errors import UsageError
from ambidex.graph import Graph, prepare, run_network

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> tuple[Source, Path]:
    source = table_source(np.random.default_rng(1))
    return source, _write(source, tmp_path_factory.mktemp("table") / "lite")


def _write(source: Source, output: Path, **options: Any) -> Path:
    litert.write(source, output, Options(**options))
    return output


def test_a_table_s_batches_of_any_size_answer_alike(table: tuple[Source, Path], rng: np.random.Generator) -> None:
    assert_answers(*table, rng)


def test_a_series_batches_of_any_size_answer_alike(tmp_path: Path, rng: np.random.Generator) -> None:
    source = series_source(rng)
    assert_answers(source, _write(source, tmp_path / "lite"), rng)


def assert_answers(source: Source, output: Path, rng: np.random.Generator) -> None:
    """A batch of one in the file's own shape, and others after resizing."""
    values = [prepare(source.graph, draw_inputs(source.graph, rng, batch, WINDOW)) for batch in (1, 3, 17, 1)]
    batches = [{name: each[name] for name in source.graph.prepared} for each in values]
    for batch, raw in zip(batches, litert.answer(output, source, batches), strict=True):
        wanted = run_network(source.graph, batch, source.weights)
        assert list(raw) == list(wanted)
        for name, expected in wanted.items():
            np.testing.assert_allclose(raw[name], expected, atol=FORWARD_RECURRENT)


@pytest.mark.parametrize("model", MODELS.values(), ids=lambda model: model.name)
def test_every_architecture_is_made_of_builtin_operations(
    model: Any, tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(litert, "preparation_table", lambda source, graph: b"{}")  # there are no columns here
    monkeypatch.setattr(litert, "check_encoder", lambda source, table: None)
    source = network_source(model, rng)
    output = _write(source, tmp_path / "lite")
    # A file with other operations would need the Flex delegate, and refuse to allocate.
    assert b"Flex" not in (output / "model.tflite").read_bytes()
    batches = [prepared(source.graph, rng, batch) for batch in (1, 3)]
    name = source.graph.raw_outputs[0]
    for batch, raw in zip(batches, litert.answer(output, source, batches), strict=True):
        wanted = run_network(source.graph, batch, source.weights)[name]
        np.testing.assert_allclose(raw[name], wanted, atol=FORWARD_RECURRENT)


@pytest.mark.parametrize(("precision", "share", "largest_error"), [("float16", 0.6, 1e-3), ("int8", 0.4, 1e-2)])
def test_weights_of_fewer_bits_take_less_and_still_answer(
    precision: Precision, share: float, largest_error: float, tmp_path: Path, rng: np.random.Generator
) -> None:
    source = network_source(MODELS["mlp"], rng)
    bits_of: tuple[Precision, Precision] = ("float32", precision)
    whole, small = (litert._convert(source.graph, source, bits) for bits in bits_of)
    assert len(small) < share * len(whole)
    path = tmp_path / "small.tflite"
    path.write_bytes(small)
    raw = litert.answer(path, source, [dict(source.rows)])[0]
    for name, wanted in run_network(source.graph, source.rows, source.weights).items():
        np.testing.assert_allclose(raw[name], wanted, atol=largest_error * np.max(np.abs(wanted)))


def test_one_file_has_its_table_and_encoder_beside_it(tmp_path: Path, rng: np.random.Generator) -> None:
    _write(table_source(rng), tmp_path / "net.tflite")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "net.tflite", "net_encoder.py", "net_preparation.json"
    ]  # fmt: skip


def test_another_suffix_is_refused(tmp_path: Path, rng: np.random.Generator) -> None:
    message = r"^Expected the name of a folder, or one that ends in \.tflite, got 'net\.lite' at -o\.$"
    with pytest.raises(UsageError, match=message):
        _write(table_source(rng), tmp_path / "net.lite")


def test_time_is_the_longest_history_that_the_model_reads(rng: np.random.Generator) -> None:
    source = series_source(rng)
    graph: Graph = litert.with_fixed_time(source)
    assert {value.name: value.shape for value in graph.inputs} == {
        "numbers": ("B", WINDOW, 3),
        "texts": ("B", WINDOW, 1),
        "times": ("B", WINDOW, 1),
        "future_numbers": ("B", 4, 1),
        "static_texts": ("B", 2),
    }


def test_the_encoder_runs_by_itself(table: tuple[Source, Path]) -> None:
    """In a Python without site-packages, from raw values to the tensors that the reference prepares."""
    source, output = table
    row = {"hours-per-week": 40, "Größe (m²)": None, "colour of it": "grün", "self": "?", "born": "1999-12-31 23:30"}
    (output / "row.json").write_text(json.dumps(row))
    command = [sys.executable, "-I", "-S", "encoder.py", "preparation.json", "row.json"]
    done = subprocess.run(command, cwd=output, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    packed = {
        "numbers": np.array([[40, np.nan, np.nan]]),
        "texts": np.array([["grün", "?"]], dtype=object),
        "times": np.array([[np.datetime64("1999-12-31T23:30", "us").astype(np.int64)]]),
    }
    wanted = prepare(source.graph, packed)
    assert json.loads(done.stdout) == {name: wanted[name].tolist() for name in source.graph.prepared}
