"""What is written reads well, is formatted, is the same every time, and covers every op."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import msgspec
import pytest
from tests.eject.subjects import cases, subject

from ambidex.arch.table import MODELS
from ambidex.eject import sources
from ambidex.eject.minimal import beyond_a_page
from ambidex.eject.preparation import NUMPY
from ambidex.eject.subject import FRAMEWORKS, Framework
from ambidex.graph import OPS

MOST_LINES_OF_A_PAGE = 120


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """The sources of every case, framework and size, by `case-framework-size`."""
    found = {}
    for name, (experiment, table) in cases(tmp_path_factory.mktemp("data")).items():
        made = subject(experiment, table)
        for framework in FRAMEWORKS:
            for minimal in (False, True):
                key = f"{name}-{framework}-{'minimal' if minimal else 'full'}"
                found[key] = sources(made, framework, minimal=minimal)
    return found


def test_every_architecture_is_among_the_cases(tmp_path: Path) -> None:
    assert {experiment.model for experiment, _ in cases(tmp_path).values()} == set(MODELS)


def test_ruff_finds_nothing_to_say(written: dict[str, dict[str, str]], tmp_path: Path) -> None:
    for key, files in written.items():
        (tmp_path / key).mkdir()
        for name, text in files.items():
            (tmp_path / key / name).write_text(text, encoding="utf-8")
    for words in (["check"], ["format", "--diff"]):
        command = [sys.executable, "-m", "ruff", *words, "--isolated", "--no-cache", str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]


def test_the_short_version_of_a_plain_model_fits_a_page(written: dict[str, dict[str, str]]) -> None:
    lines = {
        key: files["model.py"].count("\n")
        for key, files in written.items()
        if key.endswith("minimal") and key.split("-")[0] in ("binary", "lstm", "linear")
    }
    assert len(lines) == 6
    assert max(lines.values()) <= MOST_LINES_OF_A_PAGE, lines


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize(("name", "settings"), [("binary", {"norm": "layer"}), ("lstm", {"layers": 2})])
def test_another_layer_still_fits_a_page(
    tmp_path: Path, framework: Framework, name: str, settings: dict[str, object]
) -> None:
    experiment, table = cases(tmp_path)[name]
    made = subject(msgspec.structs.replace(experiment, settings=settings), table)
    assert beyond_a_page(made) == ()
    assert sources(made, framework, minimal=True)["model.py"].count("\n") <= MOST_LINES_OF_A_PAGE


@pytest.mark.parametrize(
    ("name", "reasons"),
    [("regression", ("columns of dates",)), ("quantiles", ("columns of dates", "quantiles")), ("gru", ("quantiles",))],
)
def test_what_takes_more_than_a_page_is_known(tmp_path: Path, name: str, reasons: tuple[str, ...]) -> None:
    assert beyond_a_page(subject(*cases(tmp_path)[name])) == reasons


def test_equal_models_give_equal_text(tmp_path: Path) -> None:
    experiment, table = cases(tmp_path)["binary"]
    first, second = (sources(subject(experiment, table), "torch") for _ in range(2))
    assert first == second


def test_nothing_written_speaks_to_ambidex(written: dict[str, dict[str, str]]) -> None:
    for key, files in written.items():
        assert "ambidex" not in files["model.py"], key


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_every_network_op_has_a_source_and_a_place_for_its_weights(framework: Framework) -> None:
    edition = import_module(f"ambidex.eject.{framework}.layers")
    network = {name for name, op in OPS.items() if op.is_network}
    assert set(edition.LAYERS) == network
    assert set(edition.WEIGHTS) == {name for name in network if OPS[name].weights.__name__ != "no_weights"}


def test_every_other_op_has_a_source_in_numpy() -> None:
    assert {name for name, op in OPS.items() if not op.is_network} - set(NUMPY) == set()


def test_repeated_blocks_become_a_class_and_a_loop(written: dict[str, dict[str, str]]) -> None:
    torch, keras = (written[f"balanced-{framework}-full"]["model.py"] for framework in FRAMEWORKS)
    assert torch.count("class Block(nn.Module)") == 1
    assert torch.count("nn.LayerNorm") == 1
    assert "nn.Sequential(Block(" in torch
    assert keras.count("layers.LayerNormalization") == 1
    assert "for i in range(3):" in keras


def test_what_the_run_did_not_use_is_not_written(written: dict[str, dict[str, str]]) -> None:
    plain, rich = (written[f"{case}-torch-full"]["model.py"] for case in ("lstm", "balanced"))
    for word in ("EMA", "ACCUMULATE", "WARMUP", "learning_rate_factor"):
        assert word not in plain
        assert word in rich


def test_what_was_learnt_stands_in_a_file_of_its_own(written: dict[str, dict[str, str]]) -> None:
    files = written["binary-torch-full"]
    learnt = json.loads(files["preparation.json"])
    assert "Private" in learnt["codes"]["vocabularies"][0]
    assert "Craft-repair" not in files["model.py"]


def test_requirements_are_pinned_as_the_project_tests_them(written: dict[str, dict[str, str]]) -> None:
    constraints = (Path(__file__).parents[2] / "constraints.txt").read_text().replace("_", "-").split()
    for framework in FRAMEWORKS:
        pins = written[f"binary-{framework}-full"]["requirements.txt"].split()
        assert pins
        assert set(pins) <= set(constraints)
