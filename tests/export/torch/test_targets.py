"""What PyTorch writes, from every architecture: answered by what a user would load it with."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.export.artifacts import SERIES, TABLES, artifact_of

from ambidex.errors import UsageError
from ambidex.export.table import TARGETS
from ambidex.workflow.export import export
from ambidex.workflow.load import Artifact

# PyTorch warns of its own code while it exports and scripts.
pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")]

FORMS = (("state-dict", "out"), ("pt2", "out.pt2"), ("torchscript", "out.pt"))


@pytest.fixture(scope="module", params=[*TABLES, *SERIES])
def artifact(request: pytest.FixtureRequest) -> Artifact:
    return artifact_of(request.param)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exports in this process, which has PyTorch already."""
    for name, _ in FORMS:
        monkeypatch.setitem(TARGETS, name, msgspec.structs.replace(TARGETS[name], engine=""))


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(("target", "name"), FORMS)
def test_every_architecture_passes(artifact: Artifact, target: str, name: str, tmp_path: Path) -> None:
    done = export(artifact, target, tmp_path / name)
    assert done.edition.status == "passed"
    assert done.target.runs_code


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("settings", [{"norm": "batch"}, {"norm": "layer", "activation": "leaky_relu"}])
@pytest.mark.parametrize(("target", "name"), FORMS)
def test_other_layers_pass(target: str, name: str, settings: dict[str, Any], tmp_path: Path) -> None:
    done = export(artifact_of("mlp", task="multiclass", settings=settings), target, tmp_path / name)
    assert done.edition.status == "passed"


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_weights_load_with_torch_alone(suffix: str, tmp_path: Path) -> None:
    export(artifact_of("gru"), "state-dict", tmp_path / f"gru{suffix}")
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"gru{suffix}", "gru_network.py"]
    script = (
        "import sys; sys.modules['ambidex'] = sys.modules['safetensors'] = None\n"
        f"sys.path.insert(0, {str(tmp_path)!r})\n"
        "import torch\nfrom gru_network import load\n"
        f"print(tuple(load({str(tmp_path / f'gru{suffix}')!r})(torch.zeros(2, 5, 2)).shape))"
    )
    done = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.returncode) == ("(2, 3, 3)", 0), done.stderr


def test_safetensors_are_read_by_their_own_library_too(here: None, tmp_path: Path) -> None:
    safetensors = pytest.importorskip("safetensors.torch")
    artifact = artifact_of("mlp")
    export(artifact, "state-dict", tmp_path / "mlp.safetensors")
    wanted = artifact.to_torch().state_dict()
    read = safetensors.load_file(tmp_path / "mlp.safetensors")
    assert read.keys() == wanted.keys()
    assert all((read[name] == tensor).all() for name, tensor in wanted.items())


def test_an_unknown_suffix_is_refused_and_nothing_is_left(here: None, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"Expected a name with .safetensors or .pt, got 'w.bin' at -o\."):
        export(artifact_of("mlp"), "state-dict", tmp_path / "w.bin")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_target_with_an_engine_runs_in_processes_of_its_own(tmp_path: Path) -> None:
    done = export(artifact_of("mlp"), "state-dict", tmp_path / "out")
    assert done.edition.status == "passed"
    assert 0 < done.seconds < 60
