"""The Open Inference Protocol over gRPC, asked by a client that nobody here wrote."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.server.running import SOURCE, launch, running

pytest.importorskip("grpc", reason="grpcio is not installed")

CLIENT = """
import sys
import numpy as np
import tritonclient.grpc as triton

client = triton.InferenceServerClient(sys.argv[1])
headers = {"x-api-key": "secret"}
assert client.is_server_live() and client.is_server_ready()
assert client.is_model_ready("adult", headers=headers) and not client.is_model_ready("nope", headers=headers)
metadata = client.get_server_metadata(headers=headers)
assert metadata.name == "ambidex" and "binary_tensor_data" in metadata.extensions
try:
    client.get_server_metadata()
except triton.InferenceServerException as error:
    assert "UNAUTHENTICATED" in error.status()
else:
    raise AssertionError("metadata without a key")
metadata = client.get_model_metadata("adult", headers=headers)
assert {port.name: port.datatype for port in metadata.inputs}["workclass"] == "BYTES"

def tensors(**changes):
    columns = {
        "age": ("FP32", np.array([39, 20], np.float32)),
        "hours-per-week": ("INT64", np.array([40, 10])),
        "workclass": ("BYTES", np.array(["Private", "x"], object)),
        "member": ("BOOL", np.array([True, False])),
        "since": ("BYTES", np.array(["2020-01-31", ""], object)),
    } | changes
    inputs = []
    for name, (datatype, values) in columns.items():
        one = triton.InferInput(name, list(values.shape), datatype)
        one.set_data_from_numpy(values)
        inputs.append(one)
    return inputs

def refused(code, *arguments, **options):
    try:
        client.infer(*arguments, **{"headers": headers, **options})
    except triton.InferenceServerException as error:
        assert code in error.status(), error
        return error.message()
    raise AssertionError(f"{arguments} was answered")

result = client.infer("adult", tensors(), request_id="7", headers=headers)
assert result.get_response().id == "7"
assert result.as_numpy("income_probabilities").shape == (2, 2)
wanted = [triton.InferRequestedOutput("income")]
only = client.infer("adult", tensors(), model_version="1", outputs=wanted, headers=headers)
assert only.as_numpy("income").tolist() == result.as_numpy("income").tolist()
assert only.as_numpy("income_probabilities") is None
assert "secret" not in refused("UNAUTHENTICATED", "adult", tensors(), headers={})
assert "nope" in refused("NOT_FOUND", "nope", tensors())
assert "version" in refused("NOT_FOUND", "adult", tensors(), model_version="7")
assert "agee" in refused("INVALID_ARGUMENT", "adult", tensors(agee=("BOOL", np.array([True]))))
assert "0 and 1" in refused("INVALID_ARGUMENT", "adult", tensors(member=("INT8", np.array([1, 7], np.int8))))
assert "finite" in refused("INVALID_ARGUMENT", "adult", tensors(age=("FP64", np.array([1, np.inf]))))
assert "incom" in refused("INVALID_ARGUMENT", "adult", tensors(), outputs=[triton.InferRequestedOutput("incom")])
print(*(text.decode() for text in result.as_numpy("income")))
"""

TYPED = """
import sys
import grpc
from ambidex.server.grpc_messages import SERVICE, build

messages = build()
channel = grpc.insecure_channel(sys.argv[1])
infer = channel.unary_unary(
    f"/{SERVICE}/ModelInfer",
    request_serializer=lambda message: message.SerializeToString(),
    response_deserializer=messages["ModelInferResponse"].FromString,
)
inputs = [{"name": "rooms", "datatype": "FP64", "shape": [2, 1], "contents": {"fp64_contents": [1.0, 2.0]}}]
answer = infer(messages["ModelInferRequest"](model_name="houses", inputs=inputs), metadata=[("x-api-key", "secret")])
import array
assert array.array("d", answer.raw_output_contents[0]).tolist() == [2.0, 4.0]
assert list(answer.outputs[0].shape) == [2, 1]
for broken in (
    {"shape": [3, 1]}, {"shape": [-2, 1]}, {"datatype": "FP16"}, {"datatype": "BYTES"}, {"contents": {}},
    {"contents": {"fp64_contents": [1.0, float("inf")]}},
    {"contents": {"fp64_contents": [1.0, 2.0], "bytes_contents": [b"x"]}},
):
    request = messages["ModelInferRequest"](model_name="houses", inputs=[inputs[0] | broken])
    try:
        infer(request, metadata=[("x-api-key", "secret")])
    except grpc.RpcError as error:
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT, (broken, error)
    else:
        raise AssertionError(f"{broken} was answered")
print("done")
"""


RAW = """
import random, sys
import grpc
from ambidex.server.grpc_messages import SERVICE, build

messages = build()
channel = grpc.insecure_channel(sys.argv[1])
infer = channel.unary_unary(f"/{SERVICE}/ModelInfer", request_serializer=bytes, response_deserializer=bytes)
tensor = {"name": "rooms", "datatype": "FP64", "shape": [1, 1], "contents": {"fp64_contents": [3.0]}}
good = messages["ModelInferRequest"](model_name="houses", inputs=[tensor]).SerializeToString()
draw = random.Random(0)
allowed = {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND}
for _ in range(300):
    raw = bytearray(good)
    for _ in range(draw.randrange(1, 4)):
        at = draw.randrange(len(raw))
        raw[at:at + draw.randrange(2)] = draw.randbytes(draw.randrange(3))
    try:
        infer(bytes(raw), metadata=[("x-api-key", "secret")])
    except grpc.RpcError as error:
        assert error.code() in allowed, (bytes(raw), error)
print("done")
"""


@pytest.mark.parametrize(("script", "says"), [(CLIENT, [">50K", "<=50K"]), (TYPED, ["done"]), (RAW, ["done"])])
def test_a_client_gets_answers_and_errors(models: Path, script: str, says: list[str]) -> None:
    if "tritonclient" in script:
        pytest.importorskip("tritonclient", reason="tritonclient[grpc] is not installed")
    with running([models], {"grpc_port": 0, "api_keys": ["secret"], "log_requests": True}) as server:
        command = [sys.executable, "-c", script, server.announced["grpc"]]
        env = {**os.environ, "PYTHONPATH": str(SOURCE)}
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        assert done.stdout.split() == says
        answer = server.ask("GET", "/metrics", headers={"X-API-Key": "secret"})
        assert re.search(rb'route="grpc ModelInfer",model="(adult|houses)",status="OK"', answer.body)
        assert b"ambidex_errors_total{code=" in answer.body
        status, _, errors = server.stop()
        assert status == 0
        assert '"path":"/inference.GRPCInferenceService/ModelInfer","status":"OK"' in errors


def test_a_taken_port_ends_with_one_clear_message(models: Path) -> None:
    with running([models], {"grpc_port": 0}) as server:
        port = int(server.announced["grpc"].rpartition(":")[2])
        process = launch([models], {"grpc_port": port})
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "--grpc-port" in errors
    assert errors.count("\n") == 1
