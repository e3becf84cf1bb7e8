"""Checks that tensors fit a graph's inputs before any native code sees them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from ambidex.errors import DataError, expected, one_of
from ambidex.runtime.session import Signature
from ambidex.schema.tensor import Tensor

FORMATS: dict[str, tuple[frozenset[str], int]] = {
    "float64": (frozenset("d"), 8),
    "float32": (frozenset("f"), 4),
    "int64": (frozenset("ql"), 8),
    "bool": (frozenset("?bB"), 1),
}
"""The buffer formats that hold each type, and the size of an item in bytes."""

RESULT_FORMATS: dict[str, Any] = {"float64": "d", "float32": "f", "int64": "q", "bool": "?"}
"""The format of the memoryview that a result of each type comes in."""


MAX_RANK = 16
"""Tensors of more dimensions are refused."""


def check_tensor(signature: Signature, tensor: Tensor) -> int:
    """The number of elements. Raises `DataError` where type or shape do not fit the input."""
    if tensor.dtype != signature.dtype:
        raise DataError(expected(signature.dtype, got=tensor.dtype, where=_place(signature)), where=signature.name)
    shape = tensor.shape
    fits = len(shape) == len(signature.shape) or (not signature.shape and len(shape) <= MAX_RANK)
    for want, size in zip(signature.shape, shape, strict=False):
        if (want is not None and size != want) or size < 0:
            fits = False
    if not fits:
        wanted = "(" + ", ".join("any" if d is None else str(d) for d in signature.shape) + ")"
        raise DataError(expected(f"shape {wanted}", got=shape, where=_place(signature)), where=signature.name)
    return prod(shape)


def check_size(signature: Signature, tensor: Tensor, got: int) -> None:
    """Raises `DataError` where `got`, the items that came, are not as many as the shape says."""
    if got != prod(tensor.shape):
        raise wrong_data(signature, f"{prod(tensor.shape)} values for shape {tensor.shape}", got)


def wrong_data(signature: Signature, what: str, got: object) -> DataError:
    """A `DataError` about the values of an input."""
    return DataError(expected(what, got=got, where=_place(signature)), where=signature.name)


def check_texts(signature: Signature, texts: Sequence[str]) -> list[bytes]:
    """The texts in UTF-8. Refuses what is no text, holds a NUL (it would be cut there) or cannot be encoded."""
    try:
        encoded = [text.encode() for text in texts]
    except (AttributeError, UnicodeEncodeError) as error:
        raise _bad_text(signature, texts) from error
    if b"\0" in b"".join(encoded):
        raise _bad_text(signature, texts)
    return encoded


def _bad_text(signature: Signature, texts: Sequence[object]) -> DataError:
    for position, text in enumerate(texts):
        if not isinstance(text, str):
            return wrong_data(signature, f"a text as value {position}", type(text).__name__)
        if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
            return wrong_data(signature, f"a text without NUL or lone surrogates as value {position}", ascii(text))
    return wrong_data(signature, "texts", "something else")


def check_names(inputs: Sequence[Signature], feeds: Mapping[str, Tensor]) -> None:
    """Raises `DataError` unless the feeds are exactly the graph's inputs."""
    names = [signature.name for signature in inputs]
    for name in feeds:
        if name not in names:
            raise DataError(expected(f"an input of the model, {one_of(names, name)}", got=repr(name)), where=name)
    for name in names:
        if name not in feeds:
            raise DataError(expected(f"a tensor for input {name!r}", got="none"), where=name)


def check_outputs(outputs: Sequence[Signature], wanted: Sequence[str]) -> None:
    """Raises `DataError` unless every name is an output of the graph."""
    names = [signature.name for signature in outputs]
    for name in wanted:
        if name not in names:
            raise DataError(expected(f"an output of the model, {one_of(names, name)}", got=repr(name)), where=name)


def _place(signature: Signature) -> str:
    return f"input {signature.name!r}"
