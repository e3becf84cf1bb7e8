"""A solved forecaster from the command line: train, predict, evaluate, export, inspect, verify."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.conftest import DATA, Command

CO2 = DATA / "co2_weekly_missing.csv"


def test_a_forecast_has_the_horizon_after_the_last_stamp(run: Command, forecaster: Path, tmp_path: Path) -> None:
    output = tmp_path / "next.csv"
    assert run("predict", forecaster, CO2, "-o", output).status == 0
    rows = list(csv.DictReader(output.read_text().splitlines()))
    assert [row["date"][:10] for row in rows[:2]] == ["2002-01-05", "2002-01-12"]
    assert len(rows) == 8
    assert all(360 < float(row["co2"]) < 380 for row in rows)


def test_a_forecast_goes_to_standard_output(run: Command, forecaster: Path) -> None:
    outcome = run("predict", forecaster, CO2, "--quiet")
    assert outcome.out.splitlines()[0] == "date,co2"


def test_a_history_that_is_too_short_is_refused(run: Command, forecaster: Path, tmp_path: Path) -> None:
    short = tmp_path / "short.csv"
    short.write_text("\n".join(CO2.read_text().splitlines()[:31]) + "\n")
    outcome = run("predict", forecaster, short)
    assert outcome.status == 2
    assert "at least 60 steps of history" in outcome.err


def test_evaluation_counts_windows_in_the_span(run: Command, forecaster: Path) -> None:
    outcome = run("evaluate", forecaster, CO2, "--from", "2001-01-06", "--to", "2001-12-29", "--json", "--quiet")
    result = outcome.json
    assert result["windows"] == 52 - 8 + 1
    assert result["metrics"]["mase"] < result["baselines"]["seasonal_naive"]["mase"]
    assert {"mse", "mae", "smape", "rmsse", "mse_scaled", "mae_scaled", "directional_accuracy"} <= set(
        result["metrics"]
    )


def test_residuals_are_actual_minus_predicted(run: Command, forecaster: Path, tmp_path: Path) -> None:
    output = tmp_path / "residuals.csv"
    span = ("--from", "2001-11-03", "--to", "2001-12-29")
    assert run("evaluate", forecaster, CO2, *span, "-o", output, "--quiet").status == 0
    for row in csv.DictReader(output.read_text().splitlines()):
        difference = float(row["co2_actual"]) - float(row["co2"])
        assert float(row["co2_residual"]) == pytest.approx(difference, abs=1e-9)


def test_what_was_done_to_the_data_is_said(run: Command, tmp_path: Path) -> None:
    rows = CO2.read_text().splitlines()[:400]
    mixed = [rows[0], *reversed(rows[1:]), rows[5]]
    path = tmp_path / "mixed.csv"
    path.write_text("\n".join(mixed) + "\n")
    words = ("--target", "co2", "--time", "date", "--horizon", "4", "--window", "10", "--set", "editions=onnx")
    outcome = run("train", path, *words, "-o", tmp_path / "m.ambidex")
    assert outcome.status == 0
    assert "the rows were not in the order of date; they are sorted" in outcome.err
    assert "repeated stamps in date: the last row of each is kept" in outcome.err
    assert "missing values of co2 are interpolated" in outcome.err


def test_training_reports_json_alone(run: Command, tmp_path: Path) -> None:
    words = ("--target", "co2", "--time", "date", "--horizon", "4", "--set", "editions=onnx", "--json")
    result = run("train", CO2, *words, "-o", tmp_path / "m.ambidex").json
    assert result["task"] == "forecast"
    assert result["model"] == "linear"
    assert result["certificate"]["onnx"]["passed"] is True
    assert result["certificate"]["torch"] == "not_run"
    assert set(result["baselines"]) == {"naive", "seasonal_naive"}


@pytest.mark.parametrize("scaling", ["none", "standardize", "log_ratio", "difference", "instance"])
def test_every_scaling_trains_and_certifies(run: Command, tmp_path: Path, scaling: str) -> None:
    """WTI once had a negative price: no scaling may turn it into NaN."""
    words = ("--target", "Price", "--time", "Date", "--horizon", "3", "--window", "20", "--set", "editions=onnx")
    result = run("train", DATA / "wti_daily.csv", *words, "--scaling", scaling, "-o", tmp_path / "m.ambidex", "--json")
    assert result.status == 0, result.err
    assert result.json["metrics"]["rmse"] == pytest.approx(result.json["metrics"]["rmse"])


def test_equal_runs_give_equal_files(run: Command, tmp_path: Path) -> None:
    words = ("--target", "co2", "--time", "date", "--horizon", "4", "--set", "editions=onnx", "--quiet")
    for name in ("a", "b"):
        assert run("train", CO2, *words, "-o", tmp_path / f"{name}.ambidex").status == 0
    assert (tmp_path / "a.ambidex").read_bytes() == (tmp_path / "b.ambidex").read_bytes()


def test_the_exported_file_answers_in_plain_onnxruntime(run: Command, forecaster: Path, tmp_path: Path) -> None:
    import numpy as np
    import onnxruntime

    output = tmp_path / "co2.onnx"
    assert run("export", forecaster, "--to", "onnx", "-o", output).status == 0
    session = onnxruntime.InferenceSession(output)
    assert {value.name: value.shape for value in session.get_inputs()} == {
        "co2": ["batch", "time"],
        "date": ["batch", "time"],
    }
    times = (np.arange(60) * 7 * 86_400_000_000)[None]
    (answer,) = session.run(None, {"co2": np.linspace(300, 310, 60)[None], "date": times})
    assert answer.shape == (1, 8)
    assert np.isfinite(answer).all()


def test_inspection_shows_entries_and_safety(run: Command, forecaster: Path) -> None:
    facts = run("inspect", forecaster, "--json").json
    assert set(facts["entries"]) >= {"model.onnx", "weights.safetensors", "graph.json", "certificate.json"}
    assert facts["model"] == "linear"
    assert any("no pickle" in reason for reason in facts["safety"])
    assert run("inspect", forecaster).status == 0


def test_a_changed_file_is_refused(run: Command, forecaster: Path, tmp_path: Path) -> None:
    data = bytearray(forecaster.read_bytes())
    data[len(data) // 2] ^= 1
    broken = tmp_path / "broken.ambidex"
    broken.write_bytes(data)
    outcome = run("verify", broken)
    assert outcome.status == 2
    assert "Refused, damaged: Expected checksum" in outcome.err


def test_errors_of_evaluation_name_the_span(run: Command, forecaster: Path) -> None:
    outcome = run("evaluate", forecaster, CO2, "--from", "2100-01-01", "--json")
    assert outcome.status == 2
    assert "at least one window" in json.loads(outcome.out)["error"]["message"]


def test_prediction_loads_nothing_that_trains(forecaster: Path, tmp_path: Path) -> None:
    program = (
        "import sys; from ambidex.cli.main import main;"
        f"status = main(['predict', {str(forecaster)!r}, {str(CO2)!r}, '-o', {str(tmp_path / 'o.csv')!r}, '--quiet']);"
        "print(status, sorted({name.partition('.')[0] for name in sys.modules} & {'torch', 'tensorflow', 'keras',"
        "'jax', 'onnx', 'pandas', 'polars', 'pyarrow', 'sklearn'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, env=dict(os.environ)
    )
    assert done.stdout == "0 []\n", done.stderr
