"""Other people's Keras files and SavedModels as ONNX, through tf2onnx. Twin of `torch/ingested.py`."""

from __future__ import annotations

from typing import Any

from ambidex.backends.keras._import import require
from ambidex.backends.keras.serving import SIGNATURE


def onnx_bytes(path: str, *, kind: str, widths: dict[str, int], opset: int) -> bytes:
    """The `keras` or `savedmodel` converted, with a free batch and its inputs under their names.

    `widths` are the columns of each input (B, F), 0 for one without that dimension. Raises what the converter raises.
    """
    require("tensorflow")
    from ambidex.backends.keras._import import tf, tf2onnx

    call, dtypes = _keras_call(path) if kind == "keras" else _saved_call(tf, path)
    names = list(widths)
    function = tf.function(lambda *given: call(dict(zip(names, given, strict=True))))
    signature = [
        tf.TensorSpec((None, width) if width else (None,), dtypes[name], name=name) for name, width in widths.items()
    ]
    model, _ = tf2onnx.convert.from_function(function, input_signature=signature, opset=opset)
    raw: bytes = model.SerializeToString()
    return raw


def _keras_call(path: str) -> tuple[Any, dict[str, Any]]:
    from ambidex.backends.keras._import import keras

    model = keras.saving.load_model(path, compile=False)
    if isinstance(model, keras.Sequential):  # which only has an input of its own once it was called
        model = keras.Model(model.inputs, model.outputs)
    structure = model.input
    tensors = keras.tree.flatten(structure)
    names = sorted(structure) if isinstance(structure, dict) else [tensor.name for tensor in tensors]

    def call(given: dict[str, Any]) -> Any:
        packed = keras.tree.pack_sequence_as(structure, [given[name] for name in names])
        return model(packed, training=False)

    return call, {name: tensor.dtype for name, tensor in zip(names, tensors, strict=True)}


def _saved_call(tf: Any, path: str) -> tuple[Any, dict[str, Any]]:
    loaded = tf.saved_model.load(path)
    function = loaded.signatures[SIGNATURE]
    specs = function.structured_input_signature[1]

    def call(given: dict[str, Any]) -> Any:
        outputs = function(**given)
        # Kept alive by the caller's frame: what a signature captures goes with its model.
        return {name: outputs[name] for name in sorted(outputs)} if loaded is not None else None

    return call, {name: spec.dtype for name, spec in specs.items()}
