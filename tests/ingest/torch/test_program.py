from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.ingest.models import NUMBERS, frame

from ambidex.data.frames import table_from
from ambidex.errors import ArtifactError
from ambidex.ingest.foreign import ModelRefusedError, Wanted
from ambidex.ingest.program import read_pt2, read_torchscript
from ambidex.workflow.ingest import import_foreign

# Deprecated, but what older files are made of.
pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")]


def network(last: torch.nn.Module) -> torch.nn.Module:
    torch.manual_seed(0)
    layers = [torch.nn.Linear(3, 8), torch.nn.ReLU(), torch.nn.BatchNorm1d(8), torch.nn.Linear(8, 2), last]
    return torch.nn.Sequential(*layers).eval()


def test_a_script_becomes_a_classifier_with_the_columns_of_the_rows(tmp_path: Path) -> None:
    rows, module = frame(), network(torch.nn.Softmax(dim=1))
    torch.jit.script(module).save(str(tmp_path / "m.pt"))  # type: ignore[no-untyped-call]
    foreign = read_torchscript(tmp_path / "m.pt", Wanted(classes=("no", "yes"), columns=tuple(NUMBERS)))
    artifact = import_foreign(foreign, table_from(rows), target="y").artifact
    with torch.inference_mode():
        wanted = module(torch.tensor(rows[NUMBERS].to_numpy(np.float32))).numpy()
    np.testing.assert_allclose(artifact.predict_proba(rows), wanted, atol=1e-6)


def test_an_exported_program_knows_its_columns(tmp_path: Path) -> None:
    module = network(torch.nn.Softmax(dim=1))
    batch = torch.export.Dim("batch")
    torch.export.save(
        torch.export.export(module, (torch.zeros(3, 3),), dynamic_shapes=({0: batch},)), tmp_path / "m.pt2"
    )
    artifact = import_foreign(read_pt2(tmp_path / "m.pt2", Wanted(classes=(0, 1))), None, target="y").artifact
    rows = {"x0": [0.5], "x1": [-1.0], "x2": [2.0]}
    with torch.inference_mode():
        wanted = module(torch.tensor([[0.5, -1.0, 2.0]])).numpy()
    np.testing.assert_allclose(artifact.predict_proba(rows), wanted, atol=1e-6)


def test_logits_are_no_probabilities(tmp_path: Path) -> None:
    torch.jit.script(network(torch.nn.Identity())).save(str(tmp_path / "m.pt"))  # type: ignore[no-untyped-call]
    foreign = read_torchscript(tmp_path / "m.pt", Wanted(classes=("no", "yes"), columns=tuple(NUMBERS)))
    with pytest.raises(ModelRefusedError, match=r"probabilities that add up to 1 .* End the model with softmax"):
        import_foreign(foreign, table_from(frame()), target="y")


def test_without_rows_the_number_of_columns_is_not_known(tmp_path: Path) -> None:
    torch.jit.script(network(torch.nn.Identity())).save(str(tmp_path / "m.pt"))  # type: ignore[no-untyped-call]
    with pytest.raises(ModelRefusedError, match="Expected a known number of columns, got a free one"):
        read_torchscript(tmp_path / "m.pt", Wanted())


def test_a_state_dict_is_no_program(tmp_path: Path) -> None:
    torch.save(network(torch.nn.Identity()).state_dict(), tmp_path / "m.pt")
    with pytest.raises(ArtifactError, match=r"Expected a file of torch\.jit\.save"):
        read_torchscript(tmp_path / "m.pt", Wanted())
