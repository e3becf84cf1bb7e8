from __future__ import annotations

from pathlib import Path

import pytest

from tests.compare.idiom import check_defaults, check_matched

pytestmark = pytest.mark.torch


def test_pytorch_as_a_user_writes_it_learns(tmp_path: Path) -> None:
    check_defaults("torch", tmp_path)


def test_pytorch_matched_is_the_same_network(tmp_path: Path) -> None:
    check_matched("torch", tmp_path)


def test_an_unknown_loss_is_named(tmp_path: Path) -> None:
    from ambidex.backends.torch.idiom import Idiom
    from ambidex.errors import UsageError
    from tests.compare.small import small_task

    prepared = small_task(tmp_path).prepared
    with pytest.raises(UsageError, match="got loss 'quantile' at division defaults"):
        Idiom(prepared.graphs["defaults"], "quantile", prepared.job.plan, steps_per_call=1)
