"""Texts to codes, and decisions back to labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ambidex.graph.graph import Dtype, Value
from ambidex.graph.op import Array, Attrs, Op, Shape, width

MISSING_CODE = 0
UNSEEN_CODE = 1
FIRST_CODE = 2


class Lookup(Attrs, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The known texts of each column; their codes start at 2, after missing (0: the empty text) and unseen (1)."""

    vocabularies: tuple[tuple[str, ...], ...]


class Threshold(Attrs, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Class 1 where the second probability is at or above `threshold`."""

    threshold: float


class Label(Attrs, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The class names, or numbers, that positions stand for."""

    classes: tuple[str | int, ...]


def _infer_lookup(inputs: Sequence[Value], attrs: Lookup) -> tuple[Dtype, Shape]:
    columns = width(inputs[0])
    if columns != len(attrs.vocabularies):
        raise ValueError(f"Expected a vocabulary for each of {columns} columns, got {len(attrs.vocabularies)}.")
    return "int64", inputs[0].shape


def _run_lookup(inputs: Sequence[Array], attrs: Lookup, weights: Mapping[str, Array]) -> Array:
    texts = inputs[0]
    codes = np.empty(texts.shape, dtype=np.int64)
    for column, vocabulary in enumerate(attrs.vocabularies):
        code_of = {text: code for code, text in enumerate(vocabulary, start=FIRST_CODE)} | {"": MISSING_CODE}
        flat = texts[..., column].ravel().tolist()
        found = [code_of.get(text, UNSEEN_CODE) for text in flat]
        codes[..., column] = np.asarray(found, dtype=np.int64).reshape(texts.shape[:-1])
    return codes


def _infer_sigmoid_pair(inputs: Sequence[Value], attrs: Any) -> tuple[Dtype, Shape]:
    return inputs[0].dtype, (*inputs[0].shape[:-1], 2)


def _run_sigmoid_pair(inputs: Sequence[Array], attrs: Any, weights: Mapping[str, Array]) -> Array:
    """Probabilities of both classes from one logit: (B, 1) to (B, 2), each computed without cancellation."""
    logit = inputs[0]
    small = np.exp(-np.abs(logit)) / (1 + np.exp(-np.abs(logit)))
    positive = np.where(logit >= 0, 1 - small, small)
    return np.concatenate([np.where(logit >= 0, small, 1 - small), positive], axis=-1)


def _infer_decision(inputs: Sequence[Value], attrs: Any) -> tuple[Dtype, Shape]:
    return "int64", inputs[0].shape[:-1]


def _run_threshold(inputs: Sequence[Array], attrs: Threshold, weights: Mapping[str, Array]) -> Array:
    return np.asarray(inputs[0][..., 1] >= attrs.threshold, dtype=np.int64)


def _run_argmax(inputs: Sequence[Array], attrs: Any, weights: Mapping[str, Array]) -> Array:
    """The position of the largest value on the last axis, the first one on ties."""
    return np.asarray(inputs[0].argmax(axis=-1), dtype=np.int64)


def _infer_label(inputs: Sequence[Value], attrs: Label) -> tuple[Dtype, Shape]:
    return "int64" if isinstance(attrs.classes[0], int) else "string", inputs[0].shape


def _run_label(inputs: Sequence[Array], attrs: Label, weights: Mapping[str, Array]) -> Array:
    is_number = isinstance(attrs.classes[0], int)
    return np.array(attrs.classes, dtype=np.int64 if is_number else object)[inputs[0]]


CATEGORIES: tuple[Op, ...] = (
    Op(name="lookup", attrs=Lookup, run=_run_lookup, infer=_infer_lookup),
    Op(name="sigmoid_pair", run=_run_sigmoid_pair, infer=_infer_sigmoid_pair),
    Op(name="threshold", attrs=Threshold, run=_run_threshold, infer=_infer_decision),
    Op(name="argmax", run=_run_argmax, infer=_infer_decision),
    Op(name="label", attrs=Label, run=_run_label, infer=_infer_label),
)
