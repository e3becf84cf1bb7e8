"""Losses against their formulas in NumPy, and the one rule that averages and weights them."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn
from sklearn.metrics import log_loss, mean_pinball_loss

from ambidex.errors import UsageError
from ambidex.losses import LOSSES, NumpyOps, batch_loss, make_loss
from ambidex.losses.loss import quantile_loss

OPS = NumpyOps()
NUMBERS = st.floats(-1e3, 1e3)


def values(name: str, y_true: Any, y_pred: Any) -> Any:
    return LOSSES[name](OPS, np.asarray(y_true), np.asarray(y_pred, dtype=np.float64)).tolist()


def test_losses_of_numbers_follow_their_formulas() -> None:
    y_true, y_pred = [[0.0, 1.0], [2.0, 0.0]], [[0.5, -1.0], [2.0, -3.0]]
    assert values("mse", y_true, y_pred) == [[0.25, 4.0], [0.0, 9.0]]
    assert values("mae", y_true, y_pred) == [[0.5, 2.0], [0.0, 3.0]]
    assert values("huber", y_true, y_pred) == [[0.125, 1.5], [0.0, 2.5]]


def test_cross_entropy_of_one_logit_is_that_of_two_classes(rng: np.random.Generator) -> None:
    codes, logit = rng.integers(0, 2, 50), rng.normal(size=(50, 1)) * 5
    both = np.concatenate([np.zeros((50, 1)), logit], axis=1)
    assert values("cross_entropy", codes, logit) == pytest.approx(values("cross_entropy", codes, both), abs=1e-12)


def test_cross_entropy_agrees_with_scikit_learn(rng: np.random.Generator) -> None:
    codes, logits = rng.integers(0, 4, 80), rng.normal(size=(80, 4))
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    found = batch_loss(LOSSES["cross_entropy"], OPS, codes, logits, None)
    assert found == pytest.approx(log_loss(codes, probabilities, labels=range(4)), rel=1e-12)


@pytest.mark.parametrize("logit", [-1e4, 1e4])
def test_a_sure_and_wrong_answer_costs_much_but_not_infinitely(logit: float) -> None:
    assert values("cross_entropy", [0, 1], [[logit], [logit]]) == sorted([0.0, 1e4], reverse=logit > 0)
    pair = [[0.0, logit], [0.0, logit]]
    assert values("cross_entropy", [0, 1], pair) == sorted([0.0, 1e4], reverse=logit > 0)


def test_the_quantile_loss_agrees_with_scikit_learn(rng: np.random.Generator) -> None:
    y, levels = rng.normal(size=(60, 1)), (0.1, 0.5, 0.8)
    predicted = rng.normal(size=(60, 3))
    found = batch_loss(quantile_loss(levels), OPS, y, predicted, None)
    each = [mean_pinball_loss(y[:, 0], predicted[:, n], alpha=level) for n, level in enumerate(levels)]
    assert found == pytest.approx(np.mean(each), rel=1e-12)


def test_levels_follow_each_other_each_with_every_target() -> None:
    y_true, y_pred = np.array([[0.0, 10.0]]), np.array([[0.0, 10.0, 4.0, 10.0]])
    assert quantile_loss((0.2, 0.5))(OPS, y_true, y_pred).tolist() == [[1.0, 0.0]]
    windows = quantile_loss((0.2, 0.5))(OPS, y_true[None], y_pred[None])
    assert windows.tolist() == [[[1.0, 0.0]]]


@given(st.floats(0.05, 0.95), stn.arrays(np.float64, 101, elements=NUMBERS))
def test_no_constant_costs_less_than_the_quantile_itself(level: float, y: Any) -> None:
    best = np.sort(y)[math.ceil(level * 101) - 1]
    loss = quantile_loss((level,))
    costs = [loss(OPS, y[:, None], np.full((101, 1), guess)).mean() for guess in (best, best - 1.0, best + 1.0)]
    assert costs[0] <= min(costs) + 1e-9


@pytest.mark.parametrize("name", ["mse", "mae", "huber"])
@pytest.mark.parametrize("shape", [(6, 2), (6, 3, 2)])
def test_weights_average_the_samples(name: str, shape: tuple[int, ...], rng: np.random.Generator) -> None:
    y_true, y_pred, weight = rng.normal(size=shape), rng.normal(size=shape), rng.uniform(0, 2, 6)
    each = LOSSES[name](OPS, y_true, y_pred).reshape(6, -1).mean(axis=1)
    assert batch_loss(LOSSES[name], OPS, y_true, y_pred, weight) == pytest.approx((weight * each).sum() / weight.sum())
    assert batch_loss(LOSSES[name], OPS, y_true, y_pred, None) == pytest.approx(each.mean())


def test_a_weight_of_two_is_a_row_that_comes_twice(rng: np.random.Generator) -> None:
    codes, logits = rng.integers(0, 3, 4), rng.normal(size=(4, 3))
    twice = [0, 1, 1, 2, 3]
    weighted = batch_loss(LOSSES["cross_entropy"], OPS, codes, logits, np.array([1.0, 2.0, 1.0, 1.0]))
    assert weighted == pytest.approx(batch_loss(LOSSES["cross_entropy"], OPS, codes[twice], logits[twice], None))


def of_batch(ops: Any, y_true: Any, y_pred: Any) -> Any:
    """One number for the whole batch."""
    return ops.mean(ops.square(y_pred - y_true)) + 1.0


def test_a_loss_of_the_whole_batch_is_taken_as_it_is() -> None:
    assert batch_loss(of_batch, OPS, np.zeros((2, 1)), np.ones((2, 1)), None) == 2.0


def test_a_loss_of_the_whole_batch_cannot_be_weighted() -> None:
    with pytest.raises(UsageError) as caught:
        batch_loss(of_batch, OPS, np.zeros((2, 1)), np.ones((2, 1)), np.ones(2))
    assert str(caught.value) == ("Expected a loss per sample to weight the rows, got one number for the whole batch.")


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_found_by_its_name(name: str) -> None:
    assert make_loss(name) is LOSSES[name]


def test_the_quantile_loss_is_made_for_its_levels() -> None:
    y_true, y_pred = np.zeros((1, 1)), np.array([[1.0, 1.0]])
    assert make_loss("quantile", (0.25, 0.75))(OPS, y_true, y_pred).tolist() == [[0.5]]


def test_a_function_is_a_loss() -> None:
    assert make_loss(of_batch) is of_batch


def test_an_unknown_loss_brings_the_nearest_one() -> None:
    with pytest.raises(UsageError) as caught:
        make_loss("hubr")
    assert str(caught.value) == (
        "Expected module:function or one of cross_entropy, huber, mae, mse, quantile, got loss 'hubr' at --loss. "
        "Did you mean 'huber'?"
    )


def test_a_loss_of_ones_own_is_imported_from_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "def cubic(ops, y_true, y_pred):\n    return ops.abs(y_pred - y_true) ** 3\n\nnumber = 3\n"
    (tmp_path / "losses_of_mine.py").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    loss = make_loss("losses_of_mine:cubic")
    assert loss(OPS, np.zeros((1, 1)), np.full((1, 1), 2.0)).tolist() == [[8.0]]
    for name, got in (("square", "None"), ("number", "3")):
        with pytest.raises(
            UsageError, match=rf"^Expected a function '{name}' in 'losses_of_mine', got {got} at --loss"
        ):
            make_loss(f"losses_of_mine:{name}")


def test_a_module_that_cannot_be_imported_is_named() -> None:
    with pytest.raises(UsageError, match=r"^Expected an importable module, got 'no_such_module' \(No module named"):
        make_loss("no_such_module:loss")


@pytest.mark.parametrize("name", ["mse", "mae", "huber"])
def test_a_loss_of_numbers_refuses_classes_and_levels(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        values(name, [0, 1], [[0.0, 1.0], [1.0, 0.0]])
    assert str(caught.value) == "Expected numbers, which this loss is for, got classes to predict at --loss."
    with pytest.raises(UsageError, match=r"^Expected 1 outputs \(1 targets, 1 levels\), got 3 at --loss\. Give --quan"):
        values(name, [[0.0], [1.0]], [[0.0] * 3] * 2)


def test_cross_entropy_refuses_numbers() -> None:
    with pytest.raises(UsageError) as caught:
        values("cross_entropy", [[0.5]], [[0.0]])
    assert str(caught.value) == "Expected classes, which this loss is for, got numbers to predict at --loss."


def test_the_quantile_loss_refuses_a_network_without_levels() -> None:
    with pytest.raises(UsageError, match=r"^Expected 3 outputs \(1 targets, 3 levels\), got 1 at --loss"):
        make_loss("quantile")(OPS, np.zeros((4, 1)), np.zeros((4, 1)))
