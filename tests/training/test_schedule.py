"""Learning rates: what each schedule does over a run, and that epochs join without a seam."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ambidex.training.plan import Optimizer, Plan
from ambidex.training.schedule import SCHEDULES, Floats, learning_rates


def rates(**changes: object) -> Floats:
    """All rates of a run of 10 epochs of 20 steps with a learning rate of 0.5."""
    plan = Plan(epochs=10, optimizer=Optimizer(learning_rate=0.5), **changes)  # type: ignore[arg-type]
    return np.concatenate([learning_rates(plan, 20, epoch) for epoch in range(10)])


def test_constant_is_the_learning_rate_itself() -> None:
    assert rates().tolist() == [0.5] * 200


def test_cosine_falls_from_the_learning_rate_to_nothing() -> None:
    found = rates(schedule="cosine")
    assert found == pytest.approx([0.25 * (1 + math.cos(math.pi * step / 200)) for step in range(200)], rel=1e-12)


def test_step_divides_by_ten_twice() -> None:
    found = rates(schedule="step")
    expected = [0.5, 0.5, 0.05, 0.05, 5e-3, 5e-3]
    assert [float(found[step]) for step in (0, 66, 67, 133, 134, 199)] == pytest.approx(expected)


def test_one_cycle_rises_for_three_tenths_and_falls_to_nearly_nothing() -> None:
    found = rates(schedule="one_cycle")
    assert int(found.argmax()) == 60
    assert [float(found[0]), float(found[60])] == pytest.approx([0.02, 0.5])
    assert 0 < found[199] < 0.5 / 1000
    assert np.all(np.diff(found[:61]) > 0)
    assert np.all(np.diff(found[60:]) < 0)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_warmup_rises_in_a_line_and_then_leaves_the_schedule_alone(schedule: str) -> None:
    found, usual = rates(schedule=schedule, warmup=0.1), rates(schedule=schedule)
    assert np.allclose(found[:20] / usual[:20], np.arange(1, 21) / 20, rtol=1e-12)
    assert found[20:].tolist() == usual[20:].tolist()


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_rate_is_positive_and_none_exceeds_what_was_asked(schedule: str) -> None:
    found = rates(schedule=schedule, warmup=0.05)
    assert found.min() > 0
    assert found.max() <= 0.5
