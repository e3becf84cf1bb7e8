"""The ejected examples are what eject writes today."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

EXAMPLES = Path(__file__).parents[2] / "examples"
NAMES = {
    "simple_forecast": {"simple_pytorch_example.py", "simple_timeseries_example.py"},
    "complete_forecast": {"timeseries_pytorch.py", "timeseries_deep_learning.py"},
    "tabular_ann": {"tabular_ann_pytorch.py", "tabular_ann_keras.py"},
}


def generator() -> ModuleType:
    """`examples/generate.py` as a module."""
    spec = importlib.util.spec_from_file_location("generate", EXAMPLES / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["generate"] = module
    spec.loader.exec_module(module)
    return module


def test_every_text_is_fresh() -> None:
    assert generator().main(["--check"]) == 0, "run python examples/generate.py"


def test_every_pair_is_there_with_weights_requirements_and_a_page_on_what_differs() -> None:
    for folder, names in NAMES.items():
        files = {path.name for path in (EXAMPLES / folder).iterdir()}
        assert names | {"requirements.txt", "README.md", "weights.safetensors", "weights.npz"} <= files
        readme = (EXAMPLES / folder / "README.md").read_text()
        for word in ("zero_grad", "DataLoader", "device", "class Network", "def build_model"):
            assert word in readme


def test_ruff_finds_nothing_to_say() -> None:
    folders = [str(EXAMPLES / folder) for folder in NAMES]
    for words in (["check"], ["format", "--check"]):
        command = [sys.executable, "-m", "ruff", *words, "--isolated", "--no-cache", *folders]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
