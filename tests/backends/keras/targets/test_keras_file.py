from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.backends.keras.targets.sources import network_source, prepared, series_source
from tests.export.onnx.models import draw_inputs
from tests.tolerances import FORWARD_RECURRENT

from ambidex.arch.table import MODELS
from ambidex.backends.keras._import import keras
from ambidex.backends.keras.targets import keras_file
from ambidex.backends.source import Options
from ambidex.errors import UsageError
from ambidex.graph import prepare, run_network

pytestmark = pytest.mark.tensorflow


@pytest.mark.parametrize("model", MODELS.values(), ids=lambda model: model.name)
def test_every_architecture_is_written_in_keras_s_own_layers(
    model: Any, tmp_path: Path, rng: np.random.Generator
) -> None:
    source = network_source(model, rng)
    path = tmp_path / "net.keras"
    keras_file.write(source, path, Options())
    with zipfile.ZipFile(path) as archive:
        assert b"ambidex" not in archive.read("config.json")
    loaded = keras.models.load_model(path, safe_mode=True)
    for batch, time in ((1, 6), (17, 11 if model.has_free_time else 6)):
        values = prepared(source.graph, rng, batch, time)
        inputs = [values[name] for name in source.graph.prepared]
        raw = loaded.predict_on_batch(inputs if len(inputs) > 1 else inputs[0])
        wanted = run_network(source.graph, values, source.weights)
        np.testing.assert_allclose(raw, wanted[source.graph.raw_outputs[0]], atol=FORWARD_RECURRENT)


def test_it_answers_without_ambidex_on_every_engine(tmp_path: Path, rng: np.random.Generator) -> None:
    """Two processes that read the file, one on TensorFlow and one on JAX."""
    source = series_source(rng)
    path = tmp_path / "net.keras"
    keras_file.write(source, path, Options())
    values = [prepare(source.graph, draw_inputs(source.graph, rng, batch, time)) for batch, time in ((1, 6), (17, 9))]
    batches = [{name: each[name] for name in source.graph.prepared} for each in values]
    for batch, raw in zip(batches, keras_file.answer(path, source, batches), strict=True):
        np.testing.assert_allclose(
            raw["raw"], run_network(source.graph, batch, source.weights)["raw"], atol=FORWARD_RECURRENT
        )


def test_a_name_that_keras_would_not_know_is_refused(tmp_path: Path, rng: np.random.Generator) -> None:
    with pytest.raises(UsageError, match=r"^Expected a name that ends in \.keras, got 'net\.h5' at -o\.$"):
        keras_file.write(network_source(MODELS["mlp"], rng), tmp_path / "net.h5", Options())
