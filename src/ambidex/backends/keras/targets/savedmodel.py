"""The target `savedmodel`: plain TensorFlow operations from raw columns to answers, for TensorFlow Serving."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from ambidex.backends.keras._import import plain_tf as tf
from ambidex.backends.keras.plain.call import Tensor
from ambidex.backends.keras.plain.program import Program, Tensors, spec
from ambidex.backends.keras.targets.signature import restore_names, trace, traced_names
from ambidex.backends.keras.targets.warmup import write_warmup
from ambidex.backends.source import Arrays, Options, Source
from ambidex.graph import Value, network_values, prepare
from ambidex.graph.op import Array
from ambidex.graph.ports import Ports, by_column, open_ports, output_names

SERVING, PREPARED = "serving_default", "prepared"
"""The signature that takes raw columns, and the one that takes what preparation leaves of them."""
ROWS_AT_ONCE = 4096


def write(source: Source, output: Path, options: Options) -> None:
    """Writes a folder that `tf.saved_model.load` and TensorFlow Serving read, with neither Keras nor ambidex.

    Besides the two signatures it has a function `predict`, which takes a dict of the raw columns under their exact
    names. `assets.extra` holds warm-up requests, and the metadata as `ambidex.json`.
    """
    layouts = None if options.packed else source.layouts
    ports = open_ports(source.graph, layouts, float32_inputs=options.float32_inputs)
    inputs = [port for group in ports.values() for port in group]
    values = network_values(source.graph)
    entries = [values[name] for name in source.graph.prepared]
    program = Program(source.graph, source.weights)
    program.predict = _predict(source, program, ports)
    signatures = {SERVING: trace(program.predict, inputs), PREPARED: trace(program.raw_outputs, entries)}
    program.keep_tables()
    tf.saved_model.save(program, str(output), signatures=signatures)
    restore_names(output, {SERVING: [port.name for port in inputs], PREPARED: source.graph.prepared})
    write_warmup(output, source.name, {SERVING: _requests(source, inputs), PREPARED: _prepared_requests(source)})
    (output / "assets.extra" / "ambidex.json").write_bytes(msgspec.json.encode(dict(source.metadata)))


def answer(output: Path, source: Source, batches: Sequence[Arrays]) -> list[Arrays]:
    """Public outputs of `serving_default`, loaded by TensorFlow alone."""
    signature = tf.saved_model.load(str(output)).signatures[SERVING]
    return [_answer_packed(signature, source, batch) for batch in batches]


def _predict(source: Source, program: Program, ports: Ports) -> Any:
    """The function from raw columns by name to public outputs by the names they have in the file."""
    inputs = [port for group in ports.values() for port in group]
    names = output_names(source.graph, [port.name for port in inputs])

    def predict(columns: Mapping[str, Tensor]) -> Tensors:
        answers = program.answers(
            {value.name: _pack(columns, value, ports[value.name]) for value in source.graph.inputs}
        )
        return {names[public]: answers[public] for public in source.graph.outputs}

    return tf.function(predict, input_signature=[{port.name: spec(port) for port in inputs}], autograph=False)


def _pack(columns: Mapping[str, Tensor], value: Value, ports: Sequence[Value]) -> Tensor:
    """The packed input that these ports make."""
    tensors = [columns[port.name] for port in ports]
    is_packed = len(ports[0].shape) == len(value.shape)
    packed = tensors[0] if is_packed else tf.stack(tensors, axis=-1)
    return packed if value.dtype == "string" else tf.cast(packed, value.dtype)


def _requests(source: Source, inputs: Sequence[Value]) -> list[Arrays]:
    """Two requests: of one row, and of all that are at hand."""
    feeds = _feeds(source, source.rows, inputs)
    return [{name: array[:count] for name, array in feeds.items()} for count in (1, None)]


def _prepared_requests(source: Source) -> list[Arrays]:
    prepared = prepare(source.graph, source.rows)
    return [{name: prepared[name][:1] for name in source.graph.prepared}]


def _feeds(source: Source, batch: Mapping[str, Array], inputs: Sequence[Value]) -> Arrays:
    """Packed inputs under the names and in the types of the model's own inputs."""
    is_packed = len(inputs[0].shape) == len(source.graph.inputs[0].shape)
    feeds = batch if is_packed else by_column(batch, source.layouts)
    dtypes = {port.name: object if port.dtype == "string" else port.dtype for port in inputs}
    return {name: feeds[name].astype(dtype) for name, dtype in dtypes.items()}


def _answer_packed(signature: Any, source: Source, batch: Arrays) -> Arrays:
    inputs = _inputs_of(signature, source)
    names, traced = [port.name for port in inputs], traced_names(port.name for port in inputs)
    feeds = _feeds(source, batch, inputs)
    rows = len(feeds[names[0]])
    parts = []
    for begin in range(0, max(rows, 1), ROWS_AT_ONCE):
        tensors = {traced[name]: tf.constant(feeds[name][begin : begin + ROWS_AT_ONCE]) for name in names}
        parts.append({name: _texts(tensor.numpy()) for name, tensor in signature(**tensors).items()})
    public = output_names(source.graph, names)
    return {output: np.concatenate([part[name] for part in parts]) for output, name in public.items()}


def _inputs_of(signature: Any, source: Source) -> list[Value]:
    """The ports that the model was written with, as its signature shows them."""
    specs = signature.structured_input_signature[1]
    is_packed = next(iter(specs.values())).shape.rank == len(source.graph.inputs[0].shape)
    is_narrow = any(each.dtype == tf.float32 for each in specs.values())
    ports = open_ports(source.graph, None if is_packed else source.layouts, float32_inputs=is_narrow)
    return [port for group in ports.values() for port in group]


def _texts(array: Array) -> Array:
    if array.dtype != object:
        return array
    return np.array([text.decode() for text in array.ravel()], dtype=object).reshape(array.shape)
