"""Texts to codes, and probabilities to labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn
from tests.graph.ops.running import run

from ambidex.graph.ops.category import FIRST_CODE, MISSING_CODE, UNSEEN_CODE

WORDS = st.text(min_size=1, max_size=5)


def texts(*rows: list[str]) -> Any:
    return np.array(rows, dtype=object)


def test_known_texts_have_codes_after_missing_and_unseen() -> None:
    found = run("lookup", texts(["red", "S"], ["", "M"], ["blue", "red"]), vocabularies=[["red", "green"], ["S"]])
    assert found.tolist() == [[2, 2], [0, 1], [1, 1]]
    assert found.dtype == np.int64
    assert (MISSING_CODE, UNSEEN_CODE, FIRST_CODE) == (0, 1, 2)


@given(st.lists(WORDS, min_size=1, max_size=8, unique=True), st.lists(st.text(max_size=5), min_size=1, max_size=8))
def test_a_code_is_the_place_of_its_text(vocabulary: list[str], given_texts: list[str]) -> None:
    found = run("lookup", texts(*([text] for text in given_texts)), vocabularies=[vocabulary])[:, 0].tolist()
    for text, code in zip(given_texts, found, strict=True):
        assert code == (0 if text == "" else vocabulary.index(text) + 2 if text in vocabulary else 1)


def test_texts_that_differ_in_case_accent_or_blanks_are_different() -> None:
    found = run("lookup", texts(["a"], ["A"], [" a"], ["á"], ["a\u0301"]), vocabularies=[["á"]])
    assert found[:, 0].tolist() == [1, 1, 1, 2, 1]


def test_steps_of_a_series_are_looked_up_too() -> None:
    found = run("lookup", texts(["a", "b"], ["b", ""])[:, :, None], vocabularies=[["b"]])
    assert found.tolist() == [[[1], [2]], [[2], [0]]]


@given(stn.arrays(np.float64, (4, 1), elements=st.floats(-800, 800)))
def test_two_probabilities_from_one_logit(logit: Any) -> None:
    found = run("sigmoid_pair", logit)
    assert np.all((found >= 0) & (found <= 1))
    assert found.sum(axis=-1) == pytest.approx(np.ones(4), abs=1e-15)
    assert np.array_equal(run("sigmoid_pair", -logit), found[:, ::-1])
    small = 1 / (1 + np.exp(np.abs(np.clip(logit[:, 0], -700, 700))))
    assert found.min(axis=-1) == pytest.approx(small, rel=1e-12, abs=1e-300)


def test_the_second_class_is_decided_at_the_threshold() -> None:
    pairs = [[0.3, 0.7], [0.31, 0.69], [0.5, 0.5]]
    assert run("threshold", pairs, threshold=0.7).tolist() == [1, 0, 0]
    assert run("threshold", pairs, threshold=0.5).tolist() == [1, 1, 1]


def test_the_first_of_equally_probable_classes_is_decided() -> None:
    assert run("argmax", [[0.1, 0.45, 0.45], [0.4, 0.2, 0.4]]).tolist() == [1, 0]


def test_a_decision_becomes_its_label() -> None:
    assert run("label", np.array([2, 0]), classes=["no", "maybe", "yes"]).tolist() == ["yes", "no"]
    numbers = run("label", np.array([1, 0]), classes=[5, 7])
    assert numbers.tolist() == [7, 5]
    assert numbers.dtype == np.int64
