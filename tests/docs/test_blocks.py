from __future__ import annotations

import csv
import gzip
import itertools
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.torch

ROOT = Path(__file__).resolve().parents[2]
ROWS, WEEKS = 600, 1000
QUICK = {
    "train": [
        "--epochs",
        "1",
        "--threads",
        "1",
        "--backend",
        "torch",
        "--set",
        "editions=onnx",
        "--set",
        "epoch_samples=256",
    ],
    "compare": ["--quick", "--runs", "1", "--epochs", "1", "--columns", "torch,onnxruntime"],
}
"""What is added to a command that would take long."""
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT / "src"), "OMP_WAIT_POLICY": "PASSIVE"}
# Other engines are certified in tests of their own; here each would cost seconds for every model that is saved.
ONLY_TORCH = "import ambidex.backends.registry as registry; registry.installed = lambda: ['torch']\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like the root of the repository, with little data."""
    place = tmp_path_factory.mktemp("clone")
    data = place / "examples" / "data"
    data.mkdir(parents=True)
    for path in (ROOT / "examples" / "data").glob("*.csv"):
        shutil.copy(path, data)
    weeks = (data / "co2_weekly_missing.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (data / "co2_weekly_missing.csv").write_text("".join([weeks[0], *weeks[-WEEKS:]]), encoding="utf-8")
    with gzip.open(ROOT / "examples" / "data" / "adult.csv.gz", "rt", newline="", encoding="utf-8") as file:
        rows = list(itertools.islice(csv.reader(file), ROWS + 1))
    with gzip.open(data / "adult.csv.gz", "wt", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return place


@pytest.mark.slow
@pytest.mark.parametrize("page", ["README.md", "docs/quickstart.md", "docs/adding.md"])
def test_what_a_page_shows_works_in_its_order(page: str, folder: Path) -> None:
    ran = 0
    for language, text in blocks((ROOT / page).read_text(encoding="utf-8")):
        if language == "python":
            check(folder, [sys.executable, "-W", "error", "-c", ONLY_TORCH + text])
            ran += 1
        if language == "sh":
            for command in commands(text):
                run_command(folder, command)
                ran += 1
    assert ran > 0


def blocks(text: str) -> Iterator[tuple[str, str]]:
    for match in re.finditer(r"^```(\w+)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        yield match[1], match[2]


def commands(text: str) -> Iterator[list[str]]:
    """The commands of ours in a block; installing and `make` have been done by whoever runs the tests."""
    for line in text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] == ["ambidex"]:
            yield words[1:]


def run_command(folder: Path, words: list[str]) -> None:
    program = [sys.executable, "-m", "ambidex"]
    if words[0] == "serve":
        serve_once(folder, [*program, *words, "--port", "0"])
    else:
        check(folder, [*program, *words, *QUICK.get(words[0], [])])


def serve_once(folder: Path, command: list[str]) -> None:
    with subprocess.Popen(command, cwd=folder, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        line = server.stdout.readline()
        server.terminate()
        assert line.startswith("Serving http://127.0.0.1:")
    assert server.returncode == 0


def check(folder: Path, command: list[str]) -> None:
    done = subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout}{done.stderr}"
