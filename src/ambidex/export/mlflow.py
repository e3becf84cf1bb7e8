"""The target `mlflow`: a folder of MLflow's `onnx` flavor with signature, input example and requirements.

Written by us: MLflow is not needed to write it. MLflow's files are YAML, of which JSON is a part.
"""

from __future__ import annotations

import platform
import uuid
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from ambidex.backends.source import Arrays, Options, Source
from ambidex.export.onnx import target as onnx
from ambidex.graph.op import Array
from ambidex.graph.ports import by_column, output_names
from ambidex.runtime.session import Signature, open_session

MLFLOW = "3.17.2"
"""The version whose layout this is; any that reads it may load the folder."""
PACKAGES = ("onnx", "onnxruntime")
EXAMPLE_ROWS = 2


def write(source: Source, output: Path, options: Options) -> None:
    """Writes the folder."""
    model = onnx.model_of(source, options)
    session = open_session(model)
    output.mkdir()
    (output / "model.onnx").write_bytes(model)
    example = _example(source, options)
    serving = {"inputs": example}
    requirements = [f"mlflow=={MLFLOW}", *(f"{package}=={version(package)}" for package in PACKAGES)]
    python = platform.python_version()
    pip_first = {"python": python, "build_dependencies": ["pip"], "dependencies": ["-r requirements.txt"]}
    conda = {
        "name": "mlflow-env",
        "channels": ["conda-forge"],
        "dependencies": [f"python={python}", "pip", {"pip": requirements}],
    }
    (output / "requirements.txt").write_text("\n".join(requirements) + "\n", encoding="utf-8")
    description = _description(source, session.inputs, session.outputs, size_bytes=len(model))
    for name, content in {
        "MLmodel": description,
        "conda.yaml": conda,
        "python_env.yaml": pip_first,
        "input_example.json": example,
        "serving_input_example.json": serving,
    }.items():
        (output / name).write_bytes(msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")


def _description(
    source: Source, inputs: Sequence[Signature], outputs: Sequence[Signature], *, size_bytes: int
) -> dict[str, Any]:
    """What `MLmodel` holds. Tensor specs, because they take both a frame and a dictionary of arrays."""
    python = platform.python_version()
    return {
        "flavors": {
            "onnx": {
                "code": None,
                "data": "model.onnx",
                "onnx_session_options": {"intra_op_num_threads": 1},
                "onnx_version": version("onnx"),
                "providers": ["CPUExecutionProvider"],
            },
            "python_function": {
                "data": "model.onnx",
                "env": {"conda": "conda.yaml", "virtualenv": "python_env.yaml"},
                "loader_module": "mlflow.onnx",
                "python_version": python,
            },
        },
        "metadata": dict(source.metadata),
        "mlflow_version": MLFLOW,
        "model_size_bytes": size_bytes,
        # Equal models have equal files: the identity comes from what is in it.
        "model_uuid": uuid.uuid5(uuid.NAMESPACE_OID, f"{source.name} {size_bytes}").hex,
        "saved_input_example_info": {
            "artifact_path": "input_example.json",
            "serving_input_path": "serving_input_example.json",
            "type": "ndarray",
        },
        "signature": {"inputs": _specs(inputs), "outputs": _specs(outputs), "params": None},
    }


def _specs(ports: Sequence[Signature]) -> str:
    """Names, types and shapes, as JSON inside the file."""
    specs = []
    for port in ports:
        shape = [-1 if size is None else size for size in port.shape]
        dtype = "object" if port.dtype == "string" else port.dtype
        specs.append({"name": port.name, "type": "tensor", "tensor-spec": {"dtype": dtype, "shape": shape}})
    return msgspec.json.encode(specs).decode()


def _example(source: Source, options: Options) -> dict[str, Any]:
    rows = {name: array[:EXAMPLE_ROWS] for name, array in source.rows.items()}
    feeds = rows if options.packed else by_column(rows, source.layouts)
    return {name: array.tolist() for name, array in feeds.items()}


def answer(output: Path, source: Source, batches: Sequence[Arrays]) -> list[Arrays]:
    """Public outputs as MLflow gives them through `pyfunc`, with its signature enforced; without it ONNX Runtime's."""
    path = output / "model.onnx"
    if not find_spec("mlflow"):
        return onnx.answer(path, source, batches)
    pyfunc: Any = import_module("mlflow.pyfunc")
    model = pyfunc.load_model(str(output))
    dtypes = {port.name: port.dtype for port in open_session(path.read_bytes()).inputs}
    names = output_names(source.graph, list(dtypes))
    answers = []
    for batch in batches:
        found = model.predict(_feeds(batch, source, dtypes))
        answers.append({public: np.asarray(found[name]) for public, name in names.items()})
    return answers


def _feeds(batch: Mapping[str, Array], source: Source, dtypes: Mapping[str, str]) -> Arrays:
    is_packed = set(dtypes) == {value.name for value in source.graph.inputs}
    feeds = dict(batch) if is_packed else by_column(batch, source.layouts)
    return {name: array.astype(object if dtypes[name] == "string" else dtypes[name]) for name, array in feeds.items()}
