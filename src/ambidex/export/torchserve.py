"""The target `torchserve`: a `.mar` whose handler reads our ONNX file, which is data, and nothing that can run.

TorchServe itself was archived on 2025-08-07 and gets no security fixes: only for fleets that still run it.
"""

from __future__ import annotations

import sys
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np

from ambidex.backends.source import Arrays, Options, Source
from ambidex.export.onnx import target as onnx
from ambidex.graph.op import Array
from ambidex.graph.ports import by_column, output_names
from ambidex.runtime.session import open_session
from ambidex.schema import MISSING_TIME

ARCHIVER = "0.12.0"
"""The last version of TorchServe's archiver, whose layout this is."""
REQUIREMENTS = "numpy\nonnxruntime\n"
WRITTEN_AT = (1980, 1, 1, 0, 0, 0)
"""The earliest moment a zip can name: equal models give equal files."""

HANDLER = '''"""Answers rows for TorchServe. The model is model.onnx: loading it runs no code.

A request is a row, {"age": 39, "workclass": "Private"}, or a list of rows; the answer has the same form. A column
that is missing or null counts as missing. Times are ISO 8601 or microseconds since 1970. In a series' row a column
holds its history, oldest value first; rows of one request have histories of one length.
"""

import json
import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import numpy as np
import onnxruntime

TYPES = {"tensor(double)": np.float64, "tensor(float)": np.float32, "tensor(int64)": np.int64}
MISSING_TIME = np.iinfo(np.int64).min


class Handler:
    """What TorchServe makes one of per worker."""

    def initialize(self, context):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        path = os.path.join(context.system_properties["model_dir"], "model.onnx")
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.outputs = [output.name for output in self.session.get_outputs()]

    def handle(self, data, context):
        """One answer per request."""
        return [self.answer(request.get("body", request.get("data"))) for request in data]

    def answer(self, body):
        if isinstance(body, (bytes, bytearray, str)):
            body = json.loads(body)
        rows = body if isinstance(body, list) else [body]
        feeds = {port.name: column(rows, port) for port in self.session.get_inputs()}
        found = [array.tolist() for array in self.session.run(self.outputs, feeds)]
        answers = [dict(zip(self.outputs, values)) for values in zip(*found)]
        return answers if isinstance(body, list) else answers[0]


def column(rows, port):
    """The values of one column: (rows,), or (rows, steps)."""
    values = [row.get(port.name) for row in rows]
    if len(port.shape) == 1:
        return np.array([value_of(value, port.type) for value in values], dtype=TYPES.get(port.type, object))
    steps = [[value_of(value, port.type) for value in history or ()] for history in values]
    return np.array(steps, dtype=TYPES.get(port.type, object))


def value_of(value, kind):
    if kind == "tensor(string)":
        return "" if value is None else str(value)
    if kind == "tensor(int64)":
        if isinstance(value, str):
            return int(np.datetime64(value, "us").astype(np.int64))
        return MISSING_TIME if value is None else int(value)
    return float("nan") if value is None else float(value)
'''


def write(source: Source, output: Path, options: Options) -> None:
    """Writes one zip of stored files, as `torch-model-archiver` lays it out."""
    manifest = {
        "runtime": "python",
        "model": {
            "modelName": source.name,
            "serializedFile": "model.onnx",
            "handler": "handler.py",
            "modelVersion": "1.0",
            "requirementsFile": "requirements.txt",
        },
        "archiverVersion": ARCHIVER,
    }
    with zipfile.ZipFile(output, "w", zipfile.ZIP_STORED) as archive:
        for name, content in {
            "MAR-INF/MANIFEST.json": msgspec.json.encode(manifest),
            "handler.py": HANDLER.encode(),
            "model.onnx": onnx.model_of(source, options),
            "requirements.txt": REQUIREMENTS.encode(),
        }.items():
            archive.writestr(zipfile.ZipInfo(name, WRITTEN_AT), content)


def answer(output: Path, source: Source, batches: Sequence[Arrays]) -> list[Arrays]:
    """Public outputs as the archive's handler gives them for rows in JSON, called the way TorchServe calls it."""
    with tempfile.TemporaryDirectory(prefix="ambidex-") as name:
        folder = Path(name)
        with zipfile.ZipFile(output) as archive:
            archive.extractall(folder)
        handler = load_handler(folder)
        ports = [port.name for port in open_session((folder / "model.onnx").read_bytes()).inputs]
    names = output_names(source.graph, ports)
    return [_answer_rows(handler, source, batch, names) for batch in batches]


def load_handler(folder: Path) -> Any:
    """The handler of an opened archive, ready to answer."""
    spec = spec_from_file_location("handler", folder / "handler.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    spec.loader.exec_module(module)
    sys.dont_write_bytecode = before
    handler = module.Handler()
    handler.initialize(SimpleNamespace(system_properties={"model_dir": str(folder)}))
    return handler


def _answer_rows(handler: Any, source: Source, batch: Mapping[str, Array], names: Mapping[str, str]) -> Arrays:
    found = handler.handle([{"body": msgspec.json.encode(rows_of(source, batch))}], None)[0]
    answers = msgspec.json.decode(msgspec.json.encode(found))  # as it travels
    return {public: _array([row[name] for row in answers]) for public, name in names.items()}


def rows_of(source: Source, batch: Mapping[str, Array]) -> list[dict[str, Any]]:
    """Rows as a client sends them, from packed arrays."""
    columns = {name: _plain(array) for name, array in by_column(batch, source.layouts).items()}
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _plain(array: Array) -> list[Any]:
    """Values as a client sends them: what is missing is null."""
    objects = array.astype(object)
    if array.dtype.kind == "f":
        objects[np.isnan(array)] = None
    elif array.dtype.kind == "i":
        objects[array == MISSING_TIME] = None
    plain: list[Any] = objects.tolist()
    return plain


def _array(values: list[Any]) -> Array:
    is_text = isinstance(values[0], str)
    return np.array(values, dtype=object if is_text else None)
