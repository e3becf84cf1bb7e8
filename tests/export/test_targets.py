"""Every target that needs no engine, from every architecture, in the target's own runtime."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from tests.export.artifacts import HORIZON, SERIES, TABLES, artifact_of

from ambidex.export.table import TARGETS
from ambidex.export.torchserve import HANDLER, load_handler
from ambidex.workflow.export import Exported, export
from ambidex.workflow.load import Artifact

# ONNX Runtime answers them all; openvino has an environment of its own, see tests/targets.
HERE = ("onnx", "triton", "mlflow", "torchserve")


@pytest.fixture(scope="module", params=[*TABLES, *SERIES])
def artifact(request: pytest.FixtureRequest) -> Artifact:
    return artifact_of(request.param)


@pytest.fixture
def write(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Exports in this process, which is a tenth of the time of two fresh ones."""

    def call(artifact: Artifact, target: str) -> Exported:
        monkeypatch.setitem(TARGETS, target, msgspec.structs.replace(TARGETS[target], engine=""))
        return export(artifact, target, tmp_path / "out")

    return call


@pytest.mark.parametrize("target", HERE)
def test_every_architecture_passes(artifact: Artifact, target: str, write: Any) -> None:
    done = write(artifact, target)
    assert done.edition.status == "passed"
    assert done.edition.rows > 20
    assert done.path.exists()
    assert not list(done.path.parent.glob(".*"))


@pytest.mark.parametrize("task", ["multiclass", "regression"])
@pytest.mark.parametrize("target", HERE)
def test_other_tasks_pass(task: str, target: str, write: Any) -> None:
    assert write(artifact_of("mlp", task=task, settings={"norm": "batch"}), target).edition.status == "passed"


def test_triton_reads_the_configuration(write: Any) -> None:
    """The schema is Triton's own, as its client ships it."""
    text_format = pytest.importorskip("google.protobuf.text_format")
    model_config = pytest.importorskip("tritonclient.grpc.model_config_pb2")
    done = write(artifact_of("lstm"), "triton")
    config = text_format.Parse(
        (done.path / "some_model" / "config.pbtxt").read_text(encoding="utf-8"), model_config.ModelConfig()
    )
    assert (config.name, config.backend, config.max_batch_size) == ("some_model", "onnxruntime", 1024)
    assert {(port.name, tuple(port.dims)) for port in config.input} == {
        ("sales", (-1,)),
        ("visitors", (-1,)),
        ("time", (-1,)),
    }
    assert {(port.name, tuple(port.dims)) for port in config.output} == {
        ("sales_predicted", (HORIZON,)),
        ("sales_quantiles", (HORIZON, 3)),
    }


def test_triton_gives_a_column_one_axis_for_clients(write: Any) -> None:
    text = (write(artifact_of("mlp"), "triton").path / "some_model" / "config.pbtxt").read_text(encoding="utf-8")
    assert 'input [ { name: "größe €" data_type: TYPE_STRING dims: [ 1 ] reshape { shape: [ ] } } ]' in text
    assert 'output [ { name: "class_probabilities" data_type: TYPE_FP64 dims: [ 2 ] } ]' in text


def test_mlflow_gets_a_signature_an_example_and_requirements(write: Any) -> None:
    folder = write(artifact_of("mlp"), "mlflow").path
    described = json.loads((folder / "MLmodel").read_text(encoding="utf-8"))
    specs = {spec["name"]: spec["tensor-spec"] for spec in json.loads(described["signature"]["inputs"])}
    assert specs["colour"] == {"dtype": "object", "shape": [-1]}
    assert specs["size"] == {"dtype": "float64", "shape": [-1]}
    example = json.loads((folder / "input_example.json").read_text(encoding="utf-8"))
    assert example.keys() == specs.keys()
    assert "onnxruntime==" in (folder / "requirements.txt").read_text(encoding="utf-8")
    assert described["flavors"]["python_function"]["loader_module"] == "mlflow.onnx"


def test_torchserve_archives_hold_data_and_one_handler_of_ours(write: Any) -> None:
    done = write(artifact_of("mlp"), "torchserve")
    with zipfile.ZipFile(done.path) as archive:
        names = archive.namelist()
        assert archive.read("handler.py").decode() == HANDLER
        manifest = json.loads(archive.read("MAR-INF/MANIFEST.json"))
    assert sorted(names) == ["MAR-INF/MANIFEST.json", "handler.py", "model.onnx", "requirements.txt"]
    assert manifest["model"]["serializedFile"] == "model.onnx"


def test_the_torchserve_handler_answers_single_rows_and_dates(write: Any, tmp_path: Path) -> None:
    artifact = artifact_of("mlp")
    with zipfile.ZipFile(write(artifact, "torchserve").path) as archive:
        archive.extractall(tmp_path / "opened")
    handler = load_handler(tmp_path / "opened")
    row = {"size": 3.5, "is_new": 1, "größe €": "klein", "colour": None, "sold": "2024-03-05T07:00"}
    (single,), (several,) = handler.handle([{"body": row}], None), handler.handle([{"data": json.dumps([row])}], None)
    assert several == [single]
    given = {name: [value] for name, value in row.items()} | {"sold": [np.datetime64("2024-03-05T07:00", "us")]}
    assert single["class_probabilities"] == pytest.approx(artifact.predict_proba(given)[0].tolist(), abs=1e-6)
