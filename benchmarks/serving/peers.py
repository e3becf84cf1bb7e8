"""How MLServer and Triton are given the benchmark's network: a folder each, and the command that serves it."""

from __future__ import annotations

import json
import shutil
import socket
from pathlib import Path
from typing import NamedTuple

from benchmarks.serving.environments import python_of

MLSERVER_RUNTIME = """
import numpy as np
import onnxruntime
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse


class Runtime(MLModel):
    async def load(self):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(self.settings.parameters.uri, options)
        return True

    async def predict(self, payload):
        numbers = NumpyCodec.decode_input(payload.inputs[0]).astype(np.float64)
        _, shares = self.session.run(None, {"numbers": numbers})
        outputs = [NumpyCodec.encode_output("label_probabilities", shares)]
        return InferenceResponse(model_name=self.name, outputs=outputs)
"""
TRITON_MODEL = """
import sys

sys.path[:0] = [{packages!r}]
import onnxruntime
import triton_python_backend_utils as backend


class TritonPythonModel:
    def initialize(self, args):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession({model!r}, options)

    def execute(self, requests):
        answers = []
        for request in requests:
            numbers = backend.get_input_tensor_by_name(request, "numbers").as_numpy()
            _, shares = self.session.run(None, {{"numbers": numbers}})
            answers.append(backend.InferenceResponse([backend.Tensor("label_probabilities", shares)]))
        return answers
"""
TRITON_CONFIG = """
name: "mlp"
backend: "python"
max_batch_size: 4096
input [{name: "numbers" data_type: TYPE_FP64 dims: [20]}]
output [{name: "label_probabilities" data_type: TYPE_FP64 dims: [2]}]
dynamic_batching {}
instance_group [{kind: KIND_CPU count: 1}]
"""
SYSTEM_PYTHON = Path("/usr/lib/python3.11")
"""Standard library for Triton's Python 3.11 process, which does not bring its own and fails on newer ones' 3.11.7."""


class Launch(NamedTuple):
    """What to start, with which additions to the environment, and the port where it will answer."""

    command: list[str]
    env: dict[str, str]
    port: int


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def mlserver(folder: Path, plain: Path) -> Launch | None:
    python = python_of("mlserver")
    if python is None:
        return None
    home = folder / "mlserver"
    home.mkdir(exist_ok=True)
    ports = {"http_port": free_port(), "grpc_port": free_port(), "metrics_port": free_port()}
    settings = {"host": "127.0.0.1", "debug": False, "parallel_workers": 0, **ports}
    model = {"name": "mlp", "implementation": "peer.Runtime", "parameters": {"uri": str(plain)}}
    (home / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    (home / "model-settings.json").write_text(json.dumps(model), encoding="utf-8")
    (home / "peer.py").write_text(MLSERVER_RUNTIME, encoding="utf-8")
    return Launch([str(python.with_name("mlserver")), "start", str(home)], {}, ports["http_port"])


def triton(folder: Path, plain: Path) -> Launch | None:
    python = python_of("triton")
    if python is None or not SYSTEM_PYTHON.exists():
        return None
    (packages,) = python.parent.parent.glob("lib/python3*/site-packages")
    bundled = packages / "pytriton" / "tritonserver"
    home = folder / "triton"
    shutil.copytree(bundled / "backends", home / "backends", dirs_exist_ok=True)
    stub = bundled / "python_backend_stubs" / "3.11" / "triton_python_backend_stub"
    shutil.copy(stub, home / "backends" / "python")
    version = home / "models" / "mlp" / "1"
    version.mkdir(parents=True, exist_ok=True)
    text = TRITON_MODEL.format(packages=str(packages), model=str(plain))
    (version / "model.py").write_text(text, encoding="utf-8")
    (version.parent / "config.pbtxt").write_text(TRITON_CONFIG, encoding="utf-8")
    port = free_port()
    flags = ["--http-address=127.0.0.1", f"--http-port={port}", "--allow-grpc=false", "--allow-metrics=false"]
    folders = [f"--model-repository={home / 'models'}", f"--backend-directory={home / 'backends'}"]
    env = {"LD_LIBRARY_PATH": str(packages / "nvidia_pytriton.libs"), "PYTHONHOME": str(SYSTEM_PYTHON.parent.parent)}
    return Launch([str(bundled / "bin" / "tritonserver"), *folders, *flags], env, port)


PEERS = {"mlserver": mlserver, "triton": triton}
