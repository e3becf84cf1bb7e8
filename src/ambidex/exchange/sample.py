"""Rows that two networks are run on, whatever order of axes each of them wants, and how far apart they are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ambidex.errors import AmbidexError, UsageError, expected
from ambidex.graph.op import Array

ROWS, STEPS = 100, 12
"""Of a random sample: rows enough to meet what few of them show (a slope below zero behind a large bias), and steps
where their number is free."""
Specs = Sequence[tuple[tuple[int | None, ...], int]]
"""For each input its shape after the batch (None: any size), and how many codes it may hold (0: it takes numbers)."""
LAYOUTS: dict[str, tuple[int, int, int]] = {
    "as the model": (0, 1, 2),
    "channels first": (0, 2, 1),
    "time first": (1, 0, 2),
}
"""How a PyTorch module may take (B, T, F)."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The largest difference, relative where outputs exceed one, and the layout it was found with."""

    difference: float
    layout: str


def as_arrays(sample: Any, specs: Specs | None = None) -> list[Array]:
    """A sample as the arrays of one input, or of several (a list or tuple of arrays).

    Lists of numbers are the rows of one input, unless `specs` has several, and become what it takes. Raises
    `UsageError` for what is no numbers, and for arrays of other shapes than `specs` says.
    """
    is_several = isinstance(sample, list | tuple) and (
        (specs is not None and len(specs) > 1) or any(hasattr(part, "shape") for part in sample)
    )
    parts = sample if is_several else [sample]
    arrays = _arrays(parts)
    if specs is not None and not _fits(arrays, specs):
        shapes = [", ".join(map(str, ["B", *("T" if size is None else size for size in sizes)])) for sizes, _ in specs]
        what = "rows of shape " + " and ".join(f"({shape})" for shape in shapes)
        raise UsageError(expected(what, got=" and ".join(str(array.shape) for array in arrays), where="sample"))
    if specs is None:
        return arrays
    takes = [not count and not hasattr(part, "shape") for part, (_, count) in zip(parts, specs, strict=True)]
    return [array.astype(np.float32) if is_number else array for array, is_number in zip(arrays, takes, strict=True)]


def _fits(arrays: Sequence[Array], specs: Specs) -> bool:
    """Whether there is an array for each input, with as many axes and their sizes; a last axis of one may be absent."""
    return len(arrays) == len(specs) and all(
        array.shape[1:] == sizes[:-1]
        if sizes[-1:] == (1,) and array.ndim == len(sizes)
        else array.ndim == len(sizes) + 1
        and all(size in (None, given) for size, given in zip(sizes, array.shape[1:], strict=True))
        for array, (sizes, _) in zip(arrays, specs, strict=True)
    )


def outputs_of(network: Any, engine: Any, inputs: Sequence[Array]) -> list[Array]:
    """What a network gives for the rows. Raises `UsageError` where it does not take them."""
    try:
        found: list[Array] = engine.run(network, inputs)
    except AmbidexError:
        raise
    except Exception as error:  # noqa: BLE001 - a user's own network may raise anything
        what = "a sample that the network takes"
        raise UsageError(expected(what, got=_first_line(error).rstrip("."), where="sample")) from None
    return found


def _arrays(parts: Sequence[Any]) -> list[Array]:
    try:
        arrays = [np.asarray(part.detach().cpu() if hasattr(part, "detach") else part) for part in parts]
    except ValueError as error:  # rows of unequal length
        raise UsageError(expected("arrays of numbers, rows first", got=_first_line(error), where="sample")) from None
    if any(array.dtype.kind not in "iuf" or array.ndim == 0 for array in arrays):
        kinds = ", ".join(f"{array.dtype} {array.shape}" for array in arrays)
        raise UsageError(expected("arrays of numbers or of codes, rows first", got=kinds, where="sample"))
    return [array.astype(np.float32 if array.dtype.kind == "f" else np.int64) for array in arrays]


def random_sample(specs: Specs | None) -> list[Array]:
    """Draws for what a Keras model takes; a `UsageError` where it does not say."""
    if specs is None:
        raise UsageError(expected("a sample, since this model does not say what it takes", got="none", where="sample"))
    rng = np.random.default_rng(0)
    found: list[Array] = []
    for sizes, count in specs:
        shape = (ROWS, *(STEPS if size is None else size for size in sizes))
        found.append(rng.integers(0, count, shape) if count else rng.normal(size=shape).astype(np.float32))
    return found


def compare(
    keras_outputs: Sequence[Array], module: Any, engine: Any, inputs: Sequence[Array], *, enough: float
) -> Comparison:
    """A module's outputs beside a model's, in the order of axes in which they are closest, or close enough.

    Raises `UsageError` where the module runs in none.
    """
    found: list[Comparison] = []
    reasons: list[str] = []
    for layout, axes in LAYOUTS.items():
        try:
            outputs = engine.run(module, [_turn(array, axes) for array in inputs])
        except AmbidexError:
            raise
        except Exception as error:  # noqa: BLE001 - a user's own forward may raise anything
            reasons.append(f"{layout}: {_first_line(error)}")
            continue
        found.append(Comparison(difference=_largest(keras_outputs, outputs), layout=layout))
        if found[-1].difference <= enough or not any(_has_steps(array) for array in inputs):
            break
    if not found:
        raise UsageError(expected("a module that takes the sample", got="; ".join(reasons), where="sample"))
    return min(found, key=lambda comparison: comparison.difference)


def runs(network: Any, engine: Any, inputs: Sequence[Array], framework: str) -> list[tuple[list[Array], list[Array]]]:
    """The rows in every order of axes that a network takes, with its outputs turned back.

    A Keras model takes them as they are. Raises `UsageError` where the network runs in none.
    """
    found: list[tuple[list[Array], list[Array]]] = []
    reasons: list[str] = []
    for layout, axes in LAYOUTS.items():
        turned = [_turn(array, axes) for array in inputs]
        try:
            outputs = engine.run(network, turned)
        except AmbidexError:
            raise
        except Exception as error:  # noqa: BLE001 - a user's own forward may raise anything
            reasons.append(f"{layout}: {_first_line(error)}")
        else:
            found.append((turned, [_turn(array, axes) for array in outputs]))
        if framework == "keras" or not any(_has_steps(array) for array in inputs):
            break
    if not found:
        raise UsageError(expected("a network that takes the rows", got="; ".join(reasons), where="rows"))
    return found


def _first_line(error: Exception) -> str:
    """The reason alone: Keras colours it, and begins with the call in which it came up."""
    lines = [line.strip() for line in re.sub(r"\x1b\[[0-9;]*m", "", str(error)).splitlines() if line.strip()]
    if len(lines) > 1 and lines[0].startswith("Exception encountered when calling"):
        del lines[0]
    return lines[0] if lines else type(error).__name__


def _turn(array: Array, axes: tuple[int, int, int]) -> Array:
    if not _has_steps(array):
        return array
    return array.transpose(axes) if array.ndim == len(axes) else array.transpose(axes[:2]) if axes[0] else array


def _has_steps(array: Array) -> bool:
    """(B, T, F), or codes (B, T)."""
    return array.ndim == len(LAYOUTS["as the model"]) or (array.ndim == 2 and array.dtype.kind == "i")


def _largest(ours: Sequence[Array], theirs: Sequence[Array]) -> float:
    """Over the outputs that both give; a module may return the states of a recurrent layer beside its outputs."""
    if len(theirs) < len(ours):
        raise UsageError(expected(f"{len(ours)} outputs as of the Keras model", got=f"{len(theirs)} of the module"))
    return max(_closest(one, other) for one, other in zip(ours, theirs, strict=False))


def _closest(one: Array, other: Array) -> float:
    differences = [relative(one, turned) for turned in _turned(other) if turned.shape == one.shape]
    if not differences:
        raise UsageError(expected(f"outputs of shape {one.shape}", got=other.shape, where="the module"))
    return min(differences)


def _turned(array: Array) -> Iterator[Array]:
    if array.ndim == len(LAYOUTS["as the model"]):
        yield from (array.transpose(axes) for axes in LAYOUTS.values())
    else:
        yield array


def relative(one: Array, other: Array) -> float:
    """The largest difference, relative where the first exceeds one; infinite where one is no number."""
    error = np.abs(one.astype(np.float64) - other) / np.maximum(1, np.abs(one))
    return float(np.max(np.where(np.isfinite(error), error, np.inf), initial=0.0))
