from __future__ import annotations

import os
import subprocess
import sys
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


def test_threads_within_and_between_operations_are_equal() -> None:
    source = str(Path(__file__).parents[3] / "src")
    script = (
        "from ambidex.backends.torch.idiom import settings\n"
        "from ambidex.training.plan import Plan\n"
        "print(settings(Plan(device='cpu', threads=3)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"PYTHONPATH": source},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    assert "'torch.get_num_threads()': '3', 'torch.get_num_interop_threads()': '3'" in done.stdout
