"""Which epoch was best, how long ago, and that a history survives JSON."""

from __future__ import annotations

import math
import sys

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambidex.training.history import EpochRecord, History, finite


def history(*scores: float) -> History:
    records = [
        EpochRecord(epoch=epoch, train_loss=1.0, validation_loss=score, score=score, learning_rate=0.1)
        for epoch, score in enumerate(scores)
    ]
    return History(epochs=records)


def test_the_first_of_equal_epochs_is_best() -> None:
    assert history(3, 1, 2, 1).best.epoch == 1


@pytest.mark.parametrize(
    ("scores", "min_delta", "since"),
    [
        ((3,), 0, 0),
        ((3, 2), 0, 0),
        ((3, 2, 2), 0, 1),
        ((3, 2, 2.5, 2.1), 0, 2),
        ((1, 0.99), 0.05, 1),
        ((1, 0.99, 0.94), 0.05, 0),
        ((1, 0.96, 0.93), 0.05, 0),
        ((-1, -1.01), 0.05, 1),
        ((-1, -1.06), 0.05, 0),
        ((1e308, 1e308), 0, 1),
    ],
)
def test_epochs_are_counted_since_the_last_real_gain(scores: tuple[float, ...], min_delta: float, since: int) -> None:
    assert history(*scores).since_best(min_delta) == since


def test_epochs_without_any_finite_score_are_no_gain() -> None:
    worst = finite(math.nan)
    assert history(worst, worst, worst).since_best(0.0) == 2
    assert history(worst, 5.0).since_best(0.1) == 0


@given(st.floats())
def test_what_is_not_finite_is_worse_than_all_else(value: float) -> None:
    assert finite(value) == (value if math.isfinite(value) else sys.float_info.max)
    assert msgspec.json.decode(msgspec.json.encode(finite(value)), type=float) == finite(value)


def test_a_history_survives_json() -> None:
    found = history(3, finite(math.inf), 1)
    found.steps += [0.1, 1 / 3]
    found.stopped_by = "patience"
    assert msgspec.json.decode(msgspec.json.encode(found), type=History) == found


def test_two_histories_share_no_list() -> None:
    first, second = History(), History()
    first.steps.append(1.0)
    assert second.steps == []
