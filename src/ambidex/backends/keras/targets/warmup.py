"""Requests that TensorFlow Serving plays to a model before it answers anybody: `tf_serving_warmup_requests`.

A file of records, each a `PredictionLog` of TensorFlow Serving's interface. The package that defines it would bring a
second TensorFlow; the few fields needed are all messages and texts, which protocol buffers write in one way.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ambidex.backends.keras._import import plain_tf as tf
from ambidex.graph.op import Array

# Fields of PredictionLog, PredictLog, PredictRequest, ModelSpec, and of an entry of a map.
PREDICT_LOG = 6
REQUEST = 1
MODEL_SPEC, INPUTS = 1, 2
MODEL_NAME, SIGNATURE_NAME = 1, 3
KEY, VALUE = 1, 2


def write_warmup(folder: Path, model: str, requests: Mapping[str, list[dict[str, Array]]]) -> None:
    """Writes `assets.extra/tf_serving_warmup_requests`: for each signature, the inputs of some requests."""
    path = folder / "assets.extra" / "tf_serving_warmup_requests"
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as file:
        for signature, batches in requests.items():
            for inputs in batches:
                file.write(prediction_log(model, signature, inputs))


def prediction_log(model: str, signature: str, inputs: Mapping[str, Array]) -> bytes:
    """One request as a `PredictionLog`."""
    spec = _field(MODEL_NAME, model.encode()) + _field(SIGNATURE_NAME, signature.encode())
    request = _field(MODEL_SPEC, spec)
    for name, array in inputs.items():
        tensor = tf.make_tensor_proto(array).SerializeToString()
        request += _field(INPUTS, _field(KEY, name.encode()) + _field(VALUE, tensor))
    return _field(PREDICT_LOG, _field(REQUEST, request))


def _field(number: int, content: bytes) -> bytes:
    """A field of wire type 2: tag, length, content."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first; the eighth says that more follow."""
    groups = [value >> shift & 0x7F for shift in range(0, max(value.bit_length(), 1), 7)]
    return bytes([*(group | 0x80 for group in groups[:-1]), groups[-1]])
