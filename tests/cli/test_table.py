"""A table from the command line, trained in PyTorch: the answers, the notes, and every way to be stopped."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.cli.conftest import Command, adult_rows, write_csv

from ambidex.cli.main import main

pytestmark = pytest.mark.torch

TRAIN = ("--target", "income", "--drop", "uci_split", "--backend", "torch", "--threads", "1", "--deterministic")
QUICK = (*TRAIN, "--epochs", "3", "--set", "editions=onnx")


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_csv(tmp_path_factory.mktemp("data") / "adult.csv", adult_rows(1500))


@pytest.fixture(scope="module")
def model(table: Path) -> Path:
    path = table.with_name("adult.ambidex")
    assert main(["train", str(table), *QUICK, "--quiet", "-o", str(path)]) == 0
    return path


def test_predictions_are_appended_to_the_columns(run: Command, model: Path, table: Path, tmp_path: Path) -> None:
    output = tmp_path / "scored.csv"
    assert run("predict", model, table, "-o", output, "--quiet").status == 0
    before = list(csv.DictReader(table.read_text().splitlines()))
    after = list(csv.DictReader(output.read_text().splitlines()))
    assert list(after[0]) == [*before[0], "income_p_<=50K", "income_p_>50K"]
    for row in after:
        chosen = ">50K" if float(row["income_p_>50K"]) >= 0.5 else "<=50K"
        assert row["income"] == chosen
        assert float(row["income_p_>50K"]) + float(row["income_p_<=50K"]) == pytest.approx(1)


def test_the_target_is_not_needed_and_extra_columns_are_noted(run: Command, model: Path, tmp_path: Path) -> None:
    rows = [{key: value for key, value in row.items() if key != "income"} for row in adult_rows(5)]
    outcome = run("predict", model, write_csv(tmp_path / "new.csv", rows))
    assert outcome.status == 0
    assert "columns the model does not use: uci_split" in outcome.err
    assert len(outcome.out.splitlines()) == 6


def test_text_in_a_number_names_row_and_column(run: Command, model: Path, tmp_path: Path) -> None:
    rows = adult_rows(5)
    rows[3]["age"] = "abc"
    path = write_csv(tmp_path / "new.csv", rows)
    outcome = run("predict", model, path, "--quiet")
    assert outcome.status == 2
    wanted = "ambidex: Expected a number for column 'age', got 'abc' at row 4 of new.csv."
    assert outcome.err.startswith(wanted)


def test_a_missing_column_is_named(run: Command, model: Path, tmp_path: Path) -> None:
    rows = [{key: value for key, value in row.items() if key != "age"} for row in adult_rows(5)]
    outcome = run("predict", model, write_csv(tmp_path / "new.csv", rows), "--quiet")
    assert outcome.status == 2
    assert "Expected column 'age' in new.csv, got none" in outcome.err


def test_an_all_missing_column_is_left_out_and_said(run: Command, tmp_path: Path) -> None:
    rows = [{**row, "age": ""} for row in adult_rows(400)]
    path = write_csv(tmp_path / "gone.csv", rows)
    outcome = run("train", path, *QUICK, "-o", tmp_path / "m.ambidex")
    assert outcome.status == 0
    assert "age is left out" in outcome.err


def test_evaluation_stands_beside_the_baseline(run: Command, model: Path, table: Path) -> None:
    result = run("evaluate", model, table, "--json").json
    assert result["rows"] == 1500
    assert result["metrics"]["accuracy"] > result["baselines"]["naive"]["accuracy"]


def test_verification_holds_and_fails_for_a_swapped_certificate(
    run: Command, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ambidex.artifact import open_artifact, write_artifact
    from ambidex.artifact.format import ENTRIES, MANIFEST

    monkeypatch.setattr("ambidex.workflow.certify.installed", lambda: ["torch"])  # the others cost seconds each
    assert run("verify", model, "--json").json["holds"] is True
    opened = open_artifact(model)
    entries = {name: opened.read(name) for name in ENTRIES if name != MANIFEST}
    entries["certificate.json"] = entries["certificate.json"].replace(b'"<=50K"', b'">50K"')
    write_artifact(tmp_path / "m.ambidex", entries, manifest=opened.manifest)
    outcome = run("verify", tmp_path / "m.ambidex")
    assert outcome.status == 1
    assert "stored answers for income are not what the model gives" in outcome.err


def test_equal_deterministic_runs_give_equal_files(run: Command, model: Path, table: Path, tmp_path: Path) -> None:
    assert run("train", table, *QUICK, "--quiet", "-o", tmp_path / "m.ambidex").status == 0
    assert (tmp_path / "m.ambidex").read_bytes() == model.read_bytes()


def _start(table: Path, output: Path, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "ambidex", "train", str(table), *words, "-o", str(output)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=dict(os.environ))


def _wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while not path.exists():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.02)  # another process writes the file: there is nothing else to wait on


LONG = (*TRAIN, "--epochs", "30", "--patience", "30", "--set", "editions=onnx", "--quiet")


def test_a_killed_run_resumes_to_the_same_file(run: Command, table: Path, tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole.ambidex", tmp_path / "killed.ambidex"
    with _start(table, killed, *LONG) as process:
        _wait_for(tmp_path / "killed.ambidex.ckpt" / "epoch-0002.ckpt", process)
        process.kill()
        process.communicate()
    assert not killed.exists()
    assert run("train", table, *LONG, "--resume", "-o", killed).status == 0
    assert run("train", table, *LONG, "-o", whole).status == 0
    assert killed.read_bytes() == whole.read_bytes()
    assert not (tmp_path / "killed.ambidex.ckpt").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_what_reads_and_nothing_is_written(
    model: Path, table: Path, tmp_path: Path, number: signal.Signals
) -> None:
    output = tmp_path / "out.csv"
    command = [sys.executable, "-m", "ambidex", "predict", str(model), "-", "-o", str(output)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        rows = table.read_bytes()
        process.stdin.write(rows * (2**18 // len(rows)))  # more than a pipe holds: it reads by now
        process.send_signal(number)
        assert process.communicate(timeout=30)[1] == b"ambidex: stopped\n"
    assert process.returncode == 1
    assert not list(tmp_path.glob("*out.csv*"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_keeps_the_checkpoint_and_says_how_to_resume(
    run: Command, table: Path, tmp_path: Path, number: signal.Signals
) -> None:
    output = tmp_path / "m.ambidex"
    with _start(table, output, *LONG) as process:
        _wait_for(tmp_path / "m.ambidex.ckpt" / "epoch-0001.ckpt", process)
        process.send_signal(number)
        message = process.communicate(timeout=30)[1]
    assert process.returncode == 1
    assert "Run the same command with --resume to go on." in message
    assert "Traceback" not in message
    assert list((tmp_path / "m.ambidex.ckpt").glob("epoch-*.ckpt"))
    outcome = run("train", table, *LONG, "--epochs", "31", "--resume", "-o", output)
    assert outcome.status == 2
    assert "experiment.plan.epochs 30" in outcome.err
