"""`export` and `targets` from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.conftest import Command

from ambidex.export.run import checked_in
from ambidex.export.table import TARGETS


def test_the_result_as_json(run: Command, forecaster: Path, tmp_path: Path) -> None:
    outcome = run("export", forecaster, "--for", "browser", "-o", tmp_path / "out.onnx", "--json")
    assert (outcome.status, outcome.err) == (0, "")
    result = outcome.json
    assert (result["target"], result["runs_code"], result["checked_in"]) == ("onnx", False, "onnxruntime")
    assert result["certificate"]["passed"] is True
    assert result["size_bytes"] == (tmp_path / "out.onnx").stat().st_size
    assert 0 < result["seconds"] < 5


@pytest.mark.parametrize("is_here", [True, False])
def test_the_runtime_that_was_used_is_named(monkeypatch: pytest.MonkeyPatch, is_here: bool) -> None:
    monkeypatch.setattr("ambidex.export.run.find_spec", lambda name: is_here or None)
    names = {name: checked_in(target) for name, target in TARGETS.items()}
    assert names["mlflow"] == ("MLflow" if is_here else "onnxruntime")
    assert names["litert"] == ("LiteRT" if is_here else "TensorFlow's interpreter")
    assert names["keras"].endswith(" on JAX" if is_here else " on TensorFlow")
    assert names["onnx"] == TARGETS["onnx"].checked_in
    assert not [name for name, words in names.items() if "installed" in words]


def test_what_fewer_bits_cost_is_stated(run: Command, forecaster: Path, tmp_path: Path) -> None:
    data = Path(__file__).parents[2] / "examples" / "data" / "co2_weekly_missing.csv"
    words = ("export", forecaster, "--to", "onnx", "--int8", "--data", data, "-o", tmp_path / "out.onnx")
    lines = run(*words).out.splitlines()
    assert lines[1].startswith("weights are stored as int8, which rounds them: largest difference ")
    assert any(line.split()[0] == "rmse" and "before" in line and "after" in line for line in lines)
    result = run(*words, "--json").json
    assert result["certificate"] == "not_run"
    assert 1e-6 < result["accuracy_lost"]["max_abs"] < 0.05
    assert result["metrics"]["after"]["rmse"] == pytest.approx(result["metrics"]["before"]["rmse"], rel=0.01)


def test_a_file_that_can_run_code_is_labelled(run: Command, forecaster: Path, tmp_path: Path) -> None:
    outcome = run("export", forecaster, "--to", "torchserve", "-o", tmp_path / "out.mar")
    assert outcome.status == 0
    assert outcome.out.splitlines()[-1] == "loading it can run code: pass it on only to those who trust you"
    assert outcome.err.startswith("writing torchserve and running it in processes of its own")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--to", "onx"), "got 'onx' at --to. Did you mean 'onnx'?"),
        (("--for", "moon"), "Expected a destination, one of android, "),
        ((), "One of the arguments --to --for is required."),
        (("--to", "onnx", "--for", "browser"), "not allowed with"),
        (("--to", "onnx", "--int8", "--float16"), "not allowed with"),
        (("--to", "triton", "--float32-inputs", "--int8", "--data", "no.csv"), "Expected a file to read, got nothing"),
        (("--to", "state-dict", "--packed"), "Expected a target that knows --packed (onnx, triton, mlflow"),
    ],
)
def test_wrong_use_is_one_message(
    run: Command, forecaster: Path, tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    outcome = run("export", forecaster, *words, "-o", tmp_path / "out")
    assert (outcome.status, outcome.out) == (2, "")
    assert message in outcome.err
    assert outcome.err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_targets_are_listed_with_their_state(run: Command) -> None:
    listed = {target["name"]: target for target in run("targets", "--json").json["targets"]}
    assert listed.keys() == TARGETS.keys()
    assert listed["onnx"]["installed"] is True
    assert listed["torchscript"]["runs_code"] is True
    assert "archived since 2025-08-07" in listed["torchserve"]["state"]
    text = run("targets").out
    for name, target in TARGETS.items():
        assert f" {name} " in text
        assert target.as_of in text
