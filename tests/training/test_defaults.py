"""Plans: every model's own is valid, and the batch size follows from the samples."""

from __future__ import annotations

import msgspec
import pytest

from ambidex.arch.table import MODELS
from ambidex.training.defaults import PLANS, batch_size, default_plan
from ambidex.training.plan import Plan


def test_plans_belong_to_models() -> None:
    trained = {name for name, model in MODELS.items() if not model.is_solved}
    assert set(PLANS) == trained


@pytest.mark.parametrize("name", [*MODELS, "a model of tomorrow"])
def test_every_plan_survives_its_own_checks(name: str) -> None:
    plan = default_plan(name)
    assert msgspec.convert(msgspec.to_builtins(plan), Plan) == plan


@pytest.mark.parametrize(
    ("samples", "size"),
    [(1, 64), (6400, 64), (9000, 64), (10_000, 128), (25_600, 256), (51_200, 512), (10**7, 512)],
)
def test_the_batch_size_is_a_hundredth_of_the_samples_within_bounds(samples: int, size: int) -> None:
    assert batch_size(Plan(), samples) == size


def test_a_batch_size_that_was_asked_for_is_taken() -> None:
    assert batch_size(Plan(batch_size=7), 10**6) == 7


@pytest.mark.parametrize(
    "changes", [{"epochs": 0}, {"seed": -1}, {"seed": 2**32}, {"ema": 1.0}, {"warmup": 1.0}, {"accumulate": 0},
                {"optimizer": {"learning_rate": 0}}, {"optimizer": {"beta2": 1}}, {"unknown": 1}],
    ids=str,
)  # fmt: skip
def test_a_plan_that_cannot_be_meant_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(changes, Plan)
