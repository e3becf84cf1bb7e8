"""The signatures of a SavedModel: raw columns or prepared tensors by name, under names that TensorFlow can trace."""

from __future__ import annotations

import keyword
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from ambidex.backends.keras._import import plain_tf as tf
from ambidex.backends.keras.plain.call import Tensor
from ambidex.backends.keras.plain.program import Tensors, spec
from ambidex.graph import Value

RESERVED = {"self"}
"""What Python's caller of a signature already is."""


def traced_names(names: Iterable[str]) -> dict[str, str]:
    """For each name one that a traced function can give to an argument.

    TensorFlow itself writes `hours_per_week` for "hours-per-week", and takes either where a signature is called from
    Python. Two names that would become one are numbered apart.
    """
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        plain = "".join(c if c.isascii() and (c.isalnum() or c == "_") else "_" for c in name)
        if not plain[:1].isalpha():
            plain = f"arg_{plain}"
        if keyword.iskeyword(plain) or plain in RESERVED:
            plain += "_"
        unique, number = plain, 1
        while unique.lower() in taken:  # placeholders differ by more than the case of letters
            number += 1
            unique = f"{plain}_{number}"
        taken.add(unique.lower())
        found[name] = unique
    return found


def trace(function: Callable[[Mapping[str, Tensor]], Tensors], inputs: Iterable[Value]) -> Any:
    """A concrete function that takes the inputs as arguments under their traced names."""
    values = list(inputs)
    names = traced_names(value.name for value in values)

    def by_argument(**tensors: Tensor) -> Tensors:  # a signature's inputs are a function's arguments
        return function({name: tensors[traced] for name, traced in names.items()})

    specs = {names[value.name]: spec(value, name=names[value.name]) for value in values}
    return tf.function(by_argument, autograph=False).get_concrete_function(**specs)


def restore_names(folder: Path, signatures: Mapping[str, Iterable[str]]) -> None:
    """Gives the inputs of saved signatures the names they have in the contract, where tracing could not.

    Servers read them from the file. Its fingerprint, which would be that of another file, goes.
    """
    from tensorflow.core.protobuf import saved_model_pb2

    path = folder / "saved_model.pb"
    saved = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    for key, names in signatures.items():
        inputs = saved.meta_graphs[0].signature_def[key].inputs
        tensors = {traced: inputs.pop(traced) for traced in traced_names(names).values()}
        for name, traced in traced_names(names).items():
            inputs[name].CopyFrom(tensors[traced])
    path.write_bytes(saved.SerializeToString(deterministic=True))
    (folder / "fingerprint.pb").unlink(missing_ok=True)
