from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.export.onnx.edition import Array, assert_same, normal, one_of, one_op, value
from tests.tolerances import SAME_FLOAT64

TEXTS = ["", "red", "grün", "赤", "🙂", " red", "Red", "nan", "None", "a\nb", "x" * 500, "never seen", "né"]
VOCABULARIES = (("red", "grün", "赤", "🙂"), (), ("", "a\nb", "red", "x" * 500, "red"))


@pytest.mark.parametrize("shape", [("B", 3), ("B", "T", 3)], ids=["rows", "windows"])
def test_texts_become_codes(shape: tuple[int | str, ...], rng: np.random.Generator) -> None:
    assert_same(one_op("lookup", value("x", "string", *shape), vocabularies=VOCABULARIES), one_of(TEXTS), rng, 0)


def test_a_single_column_is_looked_up_too(rng: np.random.Generator) -> None:
    graph = one_op("lookup", value("x", "string", "B", 1), vocabularies=VOCABULARIES[:1])
    assert_same(graph, one_of(TEXTS), rng, 0)


def test_both_probabilities_keep_their_digits(rng: np.random.Generator) -> None:
    def wide(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return rng.choice([-800.0, -30.0, -1.0, 0.0, 1e-9, 3.0, 40.0, 900.0], shape)

    graph = one_op("sigmoid_pair", value("x", "float64", "B", 1))
    assert_same(graph, normal, rng, SAME_FLOAT64)
    assert_same(graph, wide, rng, SAME_FLOAT64)


@pytest.mark.parametrize("threshold", [0.5, 0.3, 0.1 + 0.2])
def test_a_probability_at_the_threshold_is_positive(threshold: float, rng: np.random.Generator) -> None:
    def near(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        below, above = np.nextafter(threshold, 0), np.nextafter(threshold, 1)
        return rng.choice([0.0, below, threshold, above, 1.0], shape)

    assert_same(one_op("threshold", value("x", "float64", "B", 2), threshold=threshold), near, rng, 0)


def test_the_first_of_equal_values_wins(rng: np.random.Generator) -> None:
    def tied(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return rng.choice([0.25, 0.5], shape)

    assert_same(one_op("argmax", value("x", "float64", "B", 4)), tied, rng, 0)
    assert_same(one_op("argmax", value("x", "float64", "B", "T", 40)), tied, rng, 0)


@pytest.mark.parametrize("classes", [("<=50K", "", "groß"), (7, -3, 2**60)])
def test_positions_become_labels(classes: tuple[Any, ...], rng: np.random.Generator) -> None:
    def positions(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return rng.integers(0, 3, shape)

    for shape in (("B",), ("B", "T")):
        assert_same(one_op("label", value("x", "int64", *shape), classes=classes), positions, rng, 0)
