"""With `--trust`: even then a checkpoint is no TorchScript, and is not read as the pickle that it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.ingest.hostile_case import MARK
from tests.ingest.hostile_files import FOLDER

from ambidex.errors import AmbidexError
from ambidex.ingest.foreign import Wanted
from ambidex.ingest.program import read_torchscript

pytestmark = pytest.mark.torch


@pytest.mark.filterwarnings("ignore:.*torch.jit.load.* is deprecated")
@pytest.mark.parametrize("name", ["cve-2025-32434.pt", "cve-2026-24747.pt"])
def test_a_pickle_in_a_checkpoint_never_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AmbidexError, match=r"Expected a file of torch\.jit\.save"):
        read_torchscript(FOLDER / name, Wanted(columns=("a",)))
    assert not (tmp_path / MARK).exists()
