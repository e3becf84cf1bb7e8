"""Other people's Keras files and SavedModels for the server. Twin of `torch/serving.py`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ambidex.backends.keras._import import require
from ambidex.backends.registry import check_backend, installed
from ambidex.backends.served import Array, Program, datatype_of
from ambidex.errors import ArtifactError, expected
from ambidex.runtime.worker_protocol import Interface, Port

SIGNATURE = "serving_default"


def open_model(path: str, *, kind: str, is_trusted: bool) -> Program:
    """A `keras` file, in safe mode unless trusted, or a `savedmodel`. Raises `ArtifactError` or `BackendError`.

    Whoever calls this without trust has read the file with `runtime.keras_file` and has checked the version of Keras.
    """
    if kind == "savedmodel":
        return _open_saved(path, is_trusted=is_trusted)
    engine = next((name for name in ("tensorflow", "jax") if name in installed()), "tensorflow")
    check_backend(engine)
    require(engine)
    from ambidex.backends.keras._import import keras

    model = keras.saving.load_model(path, compile=False, safe_mode=not is_trusted)
    return _keras_program(keras, model, engine, path)


def _keras_program(keras: Any, model: Any, engine: str, path: str) -> Program:
    """A functional or sequential model: inputs and outputs under Keras' names, or a dictionary's own."""
    try:
        if isinstance(model, keras.Sequential):  # which has no names for its outputs
            model = keras.Model(model.inputs, model.outputs)
        structure = model.input
        given_inputs = keras.tree.flatten(structure)
        given_outputs = keras.tree.flatten(model.output)
    except (AttributeError, TypeError, ValueError):
        got = f"a {type(model).__name__} that says nothing of them"
        message = expected("a model with defined inputs, functional or sequential", got=got, where=path)
        raise ArtifactError(message, where=path) from None
    names = sorted(structure) if isinstance(structure, dict) else [tensor.name for tensor in given_inputs]
    outputs = sorted(model.output) if isinstance(model.output, dict) else list(model.output_names)
    call = _compiled(model, engine)

    def run(given: Mapping[str, Array], wanted: Sequence[str]) -> dict[str, Array]:
        tensors = keras.tree.pack_sequence_as(structure, [_tensor(given[name], engine) for name in names])
        results = dict(zip(outputs, keras.tree.flatten(call(tensors)), strict=True))
        return {name: _array(results[name]) for name in wanted or outputs}

    return Program(
        interface=Interface(
            inputs=tuple(map(_port, names, given_inputs)),
            outputs=tuple(map(_port, outputs, given_outputs)),
            runs_on=f"keras {keras.__version__} on {engine}",
        ),
        run=run,
    )


def _compiled(model: Any, engine: str) -> Any:
    """The model's call; TensorFlow's as a graph, whose sizes stay free after a few different ones."""

    def call(tensors: Any) -> Any:
        return model(tensors, training=False)

    if engine != "tensorflow":
        return call
    from ambidex.backends.keras._import import tf

    return tf.function(call, reduce_retracing=True)


def _tensor(array: Array, engine: str) -> Any:
    """The array as TensorFlow's tensor, which alone can hold texts; JAX takes arrays."""
    if engine != "tensorflow":
        return array
    from ambidex.backends.keras._import import tf

    return tf.constant(array.tolist(), tf.string, array.shape) if array.dtype == object else tf.constant(array)


def _port(name: str, tensor: Any) -> Port:
    dtype = tensor.dtype if isinstance(tensor.dtype, str) else tensor.dtype.name
    shape = tuple(-1 if size is None else int(size) for size in tensor.shape)
    return Port(name=name, datatype=datatype_of(dtype, name), shape=shape)


def _array(value: Any) -> Array:
    array: Array = np.asarray(value)
    return array.astype(np.float32) if array.dtype.name in ("bfloat16", "float16") else array


def _open_saved(path: str, *, is_trusted: bool) -> Program:
    if not is_trusted:
        raise ArtifactError(expected("--trust for a SavedModel", got="none", where=path), where=path)
    check_backend("tensorflow")
    require("tensorflow")
    from ambidex.backends.keras._import import tf

    loaded = tf.saved_model.load(path)
    if SIGNATURE not in loaded.signatures:
        got = ", ".join(loaded.signatures) or "none"
        message = expected(f"a SavedModel with the signature {SIGNATURE!r}", got=got, where=path)
        raise ArtifactError(message, where=path)
    function = loaded.signatures[SIGNATURE]
    traced = function.structured_input_signature[1]
    arguments = _arguments(path, traced)
    specs = {name: traced[argument] for name, argument in arguments.items()}
    results = function.structured_outputs

    def run(given: Mapping[str, Array], wanted: Sequence[str]) -> dict[str, Array]:
        tensors = {
            arguments[name]: tf.constant(given[name].tolist() if spec.dtype == tf.string else given[name], spec.dtype)
            for name, spec in specs.items()
        }
        answers = function(**tensors)
        return {name: _array(answers[name]) for name in wanted or answers}

    return Program(
        interface=Interface(
            inputs=tuple(_saved_port(name, spec) for name, spec in sorted(specs.items())),
            outputs=tuple(_saved_port(name, spec) for name, spec in sorted(results.items())),
            runs_on=f"tensorflow {tf.__version__}",
        ),
        run=run,
    )


def _arguments(path: str, traced: Collection[str]) -> dict[str, str]:
    """For each input by the name in the file's signature, which TensorFlow Serving shows too, the function's argument.

    They differ where a name is no identifier: "hours-per-week" is called `hours_per_week`.
    """
    from tensorflow.core.protobuf import saved_model_pb2

    file = Path(path) / "saved_model.pb"  # TensorFlow also loads a saved_model.pbtxt, which nobody writes any more
    saved = saved_model_pb2.SavedModel.FromString(file.read_bytes() if file.exists() else b"")
    found = {
        name: tensor.name.removeprefix(f"{SIGNATURE}_").rpartition(":")[0]
        for graph in saved.meta_graphs
        for name, tensor in graph.signature_def[SIGNATURE].inputs.items()
    }
    return found if sorted(found.values()) == sorted(traced) else {name: name for name in traced}


def _saved_port(name: str, spec: Any) -> Port:
    """A port of a signature; a shape of unknown rank is any shape."""
    if spec.shape.rank is None:
        return Port(name=name, datatype=datatype_of(spec.dtype.name, name))
    return _port(name, spec)
