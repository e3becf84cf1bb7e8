"""`ambidex explain-diff` on two artifacts: what was set, what was seen, and what each does to the answers."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.conftest import DATA, Command

from ambidex.cli import explain_diff
from ambidex.cli.main import main
from ambidex.exchange.record import Difference, Explanation

CO2 = DATA / "co2_weekly_missing.csv"
SERIES = ("--target", "co2", "--time", "date", "--window", "60", "--set", "editions=onnx", "--quiet")


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The forecaster of `conftest`, but fitted on earlier rows alone."""
    path = tmp_path_factory.mktemp("models") / "earlier.ambidex"
    ends = ("--train-end", "1980-01-05", "--validation-end", "1985-01-05")
    assert main(["train", str(CO2), *SERIES, "--horizon", "8", *ends, "-o", str(path)]) == 0
    return path


def test_a_model_does_not_differ_from_itself(run: Command, forecaster: Path) -> None:
    found = run("explain-diff", forecaster, forecaster, "--json").json
    assert (found["max_difference"], found["differences"]) == (0, [])
    assert "nothing differs" in run("explain-diff", forecaster, forecaster).out


def test_effects_come_first_and_settings_after_them(run: Command, forecaster: Path, earlier: Path) -> None:
    found = run("explain-diff", forecaster, earlier, "--json").json
    effects = [one["effect"] for one in found["differences"]]
    sized = [effect for effect in effects if effect is not None]
    assert sized == sorted(sized, reverse=True)
    assert effects[: len(sized)] == sized
    by_kind = {one["kind"] for one in found["differences"]}
    assert {"weights", "preparation", "training"} <= by_kind
    assert found["max_difference"] > 0
    assert "experiment.series.train_end" in {one["where"] for one in found["differences"]}


def test_effects_are_measured_on_given_rows(run: Command, forecaster: Path, earlier: Path) -> None:
    outcome = run("explain-diff", forecaster, earlier, "--data", CO2)
    assert outcome.status == 0
    assert "answers differ by at most" in outcome.out


def test_what_cannot_be_measured_is_not_called_training_only(capsys: pytest.CaptureFixture[str]) -> None:
    kinds = ("structure", "hyperparameter", "preparation", "weights", "training", "init", "data", "precision")
    differences = tuple(Difference(kind=kind, where="w", a="1", b="2") for kind in kinds)
    explain_diff._print(
        Explanation(a="a", b="b", rows=1, max_difference=None, mean_difference=None, differences=differences)
    )
    sizes = [line.split()[:3] for line in capsys.readouterr().out.splitlines()[-len(kinds) :]]
    assert sizes == [
        *(["not", "measurable", kind] for kind in kinds[:4]),
        *(["training", "only", kind] for kind in kinds[4:]),
    ]


def test_models_of_other_questions_are_not_compared(run: Command, forecaster: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.ambidex"
    assert run("train", CO2, *SERIES, "--horizon", "4", "-o", other).status == 0
    outcome = run("explain-diff", forecaster, other)
    assert outcome.status == 2
    assert "Expected two models of one horizon, got 8 and 4." in outcome.err


def test_python_files_need_trust(run: Command, forecaster: Path) -> None:
    outcome = run("explain-diff", "mine.py:net", forecaster)
    assert outcome.status == 2
    assert "Reading a Python file runs it: pass --trust" in outcome.err


def test_a_file_that_is_missing_is_named(run: Command, forecaster: Path, tmp_path: Path) -> None:
    outcome = run("explain-diff", forecaster, tmp_path / "absent.ambidex")
    assert outcome.status == 2
    assert "absent.ambidex" in outcome.err
