"""What a comparison refuses before anything is measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ambidex.compare.prepare import prepare_task
from ambidex.config import Given, resolve
from ambidex.data.read import read_table
from ambidex.errors import UsageError
from tests.compare.small import EFFORT, write_small


def prepared_loss(folder: Path, target: str, **values: Any) -> str:
    experiment = resolve(Given(values={"targets": [target], "plan.device": "cpu", **values}))
    return prepare_task(experiment, read_table(str(write_small(folder / "small.csv"))), EFFORT).prepared.job.loss


@pytest.mark.parametrize(("target", "loss"), [("answer", "cross_entropy"), ("size", "mae")])
def test_a_loss_that_frameworks_have_is_taken(tmp_path: Path, target: str, loss: str) -> None:
    assert prepared_loss(tmp_path, target, loss=loss) == loss


@pytest.mark.parametrize(
    ("values", "got"),
    [
        ({"loss": "quantile"}, "quantile"),
        ({"loss": "math:fabs"}, "math:fabs"),
    ],
)
def test_a_loss_that_some_framework_lacks_is_refused(tmp_path: Path, values: dict[str, Any], got: str) -> None:
    with pytest.raises(UsageError) as raised:
        prepared_loss(tmp_path, "size", **values)
    assert str(raised.value) == (
        f"Expected a loss that every framework brings along, one of huber, mae, mse, got '{got}' at --loss."
    )


def test_a_loss_for_numbers_is_refused_for_classes(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^Expected a loss for binary, one of cross_entropy, got 'quantile' at"):
        prepared_loss(tmp_path, "answer", loss="quantile")
