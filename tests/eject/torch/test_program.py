"""Ejected PyTorch stands alone: the same predictions, the same losses."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.eject import standing_alone
from tests.eject.subjects import cases

pytestmark = pytest.mark.torch


@pytest.mark.parametrize("name", ["binary", "balanced", "regression", "lstm", "gru", "series"])
def test_predicts_and_trains_as_the_run_did(name: str, tmp_path: Path) -> None:
    experiment, table = cases(tmp_path)[name]
    artifact, data = standing_alone.trained(experiment, table, tmp_path, backend="torch")
    folder = standing_alone.ejected(artifact, "torch", tmp_path)
    standing_alone.check_predictions(artifact, table, folder, data)
    standing_alone.check_run(artifact, folder, data)
