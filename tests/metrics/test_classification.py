"""Measures of classes agree with scikit-learn, ties and rare classes included."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as referee

from ambidex.metrics.classification import (
    average_precision,
    balanced_accuracy,
    classification_metrics,
    expected_calibration_error,
    log_loss,
    roc_auc,
)


def drawn(rng: np.random.Generator, classes: int, *, rows: int = 300, has_ties: bool = False) -> tuple[Any, Any]:
    """True codes and probabilities that know something about them."""
    codes = rng.integers(0, classes, rows)
    logits = rng.normal(size=(rows, classes)) + 1.5 * (codes[:, None] == np.arange(classes))
    logits = np.round(logits) if has_ties else logits
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return codes, probabilities


@pytest.mark.parametrize("has_ties", [False, True])
def test_two_classes_agree_with_scikit_learn(has_ties: bool, rng: np.random.Generator) -> None:
    codes, probabilities = drawn(rng, 2, has_ties=has_ties)
    decided = probabilities.argmax(axis=1)
    found = classification_metrics(codes, probabilities, decided)
    assert found == pytest.approx(
        {
            "accuracy": referee.accuracy_score(codes, decided),
            "balanced_accuracy": referee.balanced_accuracy_score(codes, decided),
            "log_loss": referee.log_loss(codes, probabilities),
            "roc_auc": referee.roc_auc_score(codes, probabilities[:, 1]),
            "average_precision": referee.average_precision_score(codes, probabilities[:, 1]),
            "ece": found["ece"],
        },
        rel=1e-12,
    )


@pytest.mark.parametrize("has_ties", [False, True])
def test_several_classes_agree_with_scikit_learn(has_ties: bool, rng: np.random.Generator) -> None:
    codes, probabilities = drawn(rng, 4, has_ties=has_ties)
    decided = probabilities.argmax(axis=1)
    found = classification_metrics(codes, probabilities, decided)
    assert set(found) == {"accuracy", "balanced_accuracy", "log_loss", "ece", "roc_auc"}
    assert found["accuracy"] == pytest.approx(referee.accuracy_score(codes, decided))
    assert found["balanced_accuracy"] == pytest.approx(referee.balanced_accuracy_score(codes, decided))
    assert found["log_loss"] == pytest.approx(referee.log_loss(codes, probabilities))
    expected = referee.roc_auc_score(codes, probabilities, multi_class="ovr", average="macro")
    assert found["roc_auc"] == pytest.approx(expected)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=30))
def test_ranking_measures_agree_for_any_ties(pairs: list[tuple[bool, int]]) -> None:
    positive, score = (np.array(part) for part in zip(*pairs, strict=True))
    if positive.all() or not positive.any():
        return
    assert roc_auc(positive, score / 5) == pytest.approx(referee.roc_auc_score(positive, score))
    assert average_precision(positive, score / 5) == pytest.approx(referee.average_precision_score(positive, score))


def test_ranking_is_left_out_where_only_one_class_occurs() -> None:
    codes = np.zeros(4, dtype=np.int64)
    found = classification_metrics(codes, np.array([[0.9, 0.1]] * 4), codes)
    assert set(found) == {"accuracy", "balanced_accuracy", "log_loss", "ece"}


def test_a_class_that_does_not_occur_does_not_count() -> None:
    codes, decided = np.array([0, 0, 1, 1]), np.array([0, 2, 1, 1])
    assert balanced_accuracy(codes, decided) == 0.75
    probabilities = np.array([[0.8, 0.1, 0.1], [0.6, 0.1, 0.3], [0.3, 0.6, 0.1], [0.1, 0.8, 0.1]])
    assert classification_metrics(codes, probabilities, decided)["roc_auc"] == 1.0


def test_an_impossible_event_costs_much_but_not_infinitely() -> None:
    assert log_loss(np.array([1]), np.array([[1.0, 0.0]])) == pytest.approx(-np.log(np.finfo(np.float64).eps))


def test_calibration_compares_confidence_with_accuracy_by_bins() -> None:
    probabilities = np.array([[0.95, 0.05]] * 4 + [[0.4, 0.6]] * 2 + [[1.0, 0.0]])
    codes = np.array([0, 0, 0, 1, 1, 1, 0])
    # Bins of 1/15: 0.95 and 1.0 are in the last one, 0.6 in another. The gaps: |4 - 4.8| and |2 - 1.2|.
    assert expected_calibration_error(codes, probabilities) == pytest.approx((0.8 + 0.8) / 7)


def test_chances_that_are_right_are_calibrated(rng: np.random.Generator) -> None:
    chance = rng.uniform(0, 1, 200_000)
    codes = (rng.random(200_000) < chance).astype(np.int64)
    assert expected_calibration_error(codes, np.stack([1 - chance, chance], axis=1)) < 0.01
