"""The target `litert`: a `.tflite` file from prepared tensors to raw outputs, for Android, iOS and small boards.

LiteRT has neither texts nor calendars, so a table of the preparation and a reference encoder lie beside it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from ambidex.backends.keras._import import plain_tf as tf
from ambidex.backends.keras.plain.program import Program
from ambidex.backends.keras.targets.preparation import check_encoder, preparation_table
from ambidex.backends.keras.targets.signature import trace, traced_names
from ambidex.backends.source import Arrays, Options, Precision, Source
from ambidex.errors import UsageError, expected
from ambidex.graph import Graph, network_values
from ambidex.graph.graph import Dim

SUFFIX = ".tflite"
SIGNATURE = "serving_default"
ENCODER = Path(__file__).with_name("encoder.py")


def write(source: Source, output: Path, options: Options) -> None:
    """Writes a folder of `model.tflite`, `preparation.json` and `encoder.py`, or the file and the two beside it.

    The batch stays free, the length of a history is the one that the model was trained with: recurrent layers are
    written out step by step, because LiteRT has no loop that converts. Raises `UsageError` for another suffix,
    `BackendError` where an op has no edition, `CertificateError` where the encoder prepares the source's rows otherwise
    than the reference does.
    """
    graph = with_fixed_time(source)
    table = preparation_table(source, graph)
    check_encoder(source, table)
    model = _convert(graph, source, options.precision)
    if output.suffix == SUFFIX:
        paths = output, *(output.with_name(f"{output.stem}_{rest}") for rest in ("preparation.json", ENCODER.name))
    elif not output.suffix:
        output.mkdir()
        paths = tuple(output / name for name in (f"model{SUFFIX}", "preparation.json", ENCODER.name))
    else:
        what = f"the name of a folder, or one that ends in {SUFFIX}"
        raise UsageError(expected(what, got=repr(output.name), where="-o"), where="-o")
    for path, content in zip(paths, (model, msgspec.json.format(table, indent=2), ENCODER.read_bytes()), strict=True):
        path.write_bytes(content)


def answer(output: Path, source: Source, batches: Sequence[Arrays]) -> list[Arrays]:
    """Raw outputs as LiteRT computes them: a batch of one in the file's own shape, others resized."""
    runner = interpreter(output).get_signature_runner(SIGNATURE)
    inputs, outputs = traced_names(source.graph.prepared), source.graph.raw_outputs
    found = (runner(**{inputs[name]: batch[name] for name in inputs}) for batch in batches)
    return [{name: np.array(raw[name]) for name in outputs} for raw in found]


def interpreter(output: Path) -> Any:
    """The file in LiteRT, or in the interpreter that TensorFlow still brings where LiteRT is not installed."""
    path = str(output / f"model{SUFFIX}" if output.is_dir() else output)
    if find_spec("ai_edge_litert") is None:
        return tf.lite.Interpreter(path)
    from ai_edge_litert.interpreter import Interpreter

    return Interpreter(path)


def with_fixed_time(source: Source) -> Graph:
    """The graph for histories of one length: the longest that the model reads."""
    if not any("T" in value.shape for value in source.graph.inputs):
        return source.graph
    steps = source.schema.task.max_history or source.rows["numbers"].shape[1]

    def fix(dim: Dim) -> Dim:
        return steps if dim == "T" else dim

    inputs = [msgspec.structs.replace(value, shape=tuple(map(fix, value.shape))) for value in source.graph.inputs]
    return msgspec.structs.replace(source.graph, inputs=tuple(inputs))


def _convert(graph: Graph, source: Source, precision: Precision) -> bytes:
    """The file. A SavedModel lies between, because the converter loses weights of functions that it is given bare."""
    program = Program(graph, source.weights, is_unrolled=True)
    values = network_values(graph)
    entries = [values[name] for name in graph.prepared]
    with tempfile.TemporaryDirectory(prefix="ambidex-") as folder:
        tf.saved_model.save(program, folder, signatures={SIGNATURE: trace(program.raw_outputs, entries)})
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=[SIGNATURE])
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        if precision != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if precision == "float16":
            converter.target_spec.supported_types = [tf.float16]
        return bytes(converter.convert())
