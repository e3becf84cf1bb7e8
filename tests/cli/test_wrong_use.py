"""Wrong use of `train`: one clear message, status 2, and nothing left behind."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.conftest import DATA, Command, adult_rows, write_csv

ROWS = 200


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return write_csv(tmp_path / "adult.csv", adult_rows(ROWS))


def _refused(run: Command, tmp_path: Path, *words: object) -> str:
    """The message of a refused training, after checking that it is one and that nothing was left."""
    output = tmp_path / "model.ambidex"
    outcome = run("train", *words, "-o", output, "--quiet")
    assert outcome.status == 2
    assert outcome.out == ""
    assert not list(tmp_path.glob("model.ambidex*"))
    assert outcome.err.startswith("ambidex: ")
    assert outcome.err.count("\n") == 1
    return outcome.err.removeprefix("ambidex: ")


def test_a_missing_file_is_named(run: Command, tmp_path: Path) -> None:
    message = _refused(run, tmp_path, tmp_path / "nope.csv", "--target", "income")
    assert message == f"Expected a file to read, got nothing at {tmp_path / 'nope.csv'}. Check the path.\n"


@pytest.mark.parametrize("text", ["", "age,income\n"])
def test_a_file_without_rows_is_refused(run: Command, tmp_path: Path, text: str) -> None:
    path = tmp_path / "empty.csv"
    path.write_text(text)
    assert "empty.csv" in _refused(run, tmp_path, path, "--target", "income")


def test_an_absent_target_suggests_the_nearest_column(run: Command, tmp_path: Path, table: Path) -> None:
    assert "Did you mean 'income'?" in _refused(run, tmp_path, table, "--target", "incme")


def test_no_target_is_asked_for(run: Command, tmp_path: Path, table: Path) -> None:
    assert "Name it with --target." in _refused(run, tmp_path, table)


def test_a_constant_class_is_refused(run: Command, tmp_path: Path) -> None:
    rows = [{**row, "income": "<=50K"} for row in adult_rows(ROWS)]
    message = _refused(run, tmp_path, write_csv(tmp_path / "const.csv", rows), "--target", "income")
    assert "at least 2 classes in target 'income', got only '<=50K'" in message


def test_a_constant_number_is_refused(run: Command, tmp_path: Path) -> None:
    rows = [{**row, "age": "5"} for row in adult_rows(ROWS)]
    path = write_csv(tmp_path / "const.csv", rows)
    message = _refused(run, tmp_path, path, "--target", "age", "--task", "regression")
    assert "a target 'age' that varies, got only 5" in message


def test_one_row_is_refused(run: Command, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "one.csv", adult_rows(1))
    assert _refused(run, tmp_path, path, "--target", "age", "--task", "regression")


def test_an_unknown_backend_is_met_with_the_names(run: Command, tmp_path: Path, table: Path) -> None:
    message = _refused(run, tmp_path, table, "--target", "income", "--backend", "pytorch")
    assert "torch" in message
    assert "'pytorch'" in message


def test_a_backend_that_is_not_installed_says_how_to_get_it(
    run: Command, tmp_path: Path, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ambidex.backends import registry

    monkeypatch.setattr(registry, "find_spec", lambda name: None)
    message = _refused(run, tmp_path, table, "--target", "income", "--backend", "torch")
    assert "pip install 'ambidex[torch]'" in message


def test_a_folder_that_is_not_there_is_refused_before_training(run: Command, tmp_path: Path, table: Path) -> None:
    outcome = run("train", table, "--target", "income", "-o", tmp_path / "no" / "model.ambidex")
    assert outcome.status == 2
    assert "Create the folder first." in outcome.err


@pytest.mark.parametrize(
    "words", [("--epochs", "0"), ("--validation", "1.5"), ("--set", "hidden=0"), ("--set", "nonsense")]
)
def test_values_out_of_range_are_refused(run: Command, tmp_path: Path, table: Path, words: tuple[str, str]) -> None:
    assert _refused(run, tmp_path, table, "--target", "income", *words)


def test_an_unknown_loss_is_met_with_the_names(run: Command, tmp_path: Path, table: Path) -> None:
    message = _refused(run, tmp_path, table, "--target", "income", "--loss", "mes")
    assert "cross_entropy, huber, mae, mse, quantile" in message


def test_a_loss_of_another_kind_is_refused_before_training(run: Command, tmp_path: Path, table: Path) -> None:
    message = _refused(run, tmp_path, table, "--target", "income", "--loss", "mse")
    assert "Expected a loss for binary, one of cross_entropy, got 'mse' at --loss." in message


def test_a_threshold_needs_two_classes(run: Command, tmp_path: Path, table: Path) -> None:
    message = _refused(run, tmp_path, table, "--target", "race", "--threshold", "0.3")
    assert "Expected 2 classes for a threshold, got 5 classes in 'race' at --threshold." in message


@pytest.mark.parametrize("words", [("--class-weight", "balanced"), ("--threshold", "0.3")])
def test_numbers_take_no_settings_of_classes(run: Command, tmp_path: Path, table: Path, words: tuple[str, str]) -> None:
    message = _refused(run, tmp_path, table, "--target", "age", "--task", "regression", *words)
    assert f"Expected classes for {words[0]}, got numbers in 'age'." in message


def test_a_horizon_longer_than_the_series_is_refused(run: Command, tmp_path: Path) -> None:
    path = DATA / "air_passengers_monthly.csv"
    target, time = path.read_text().splitlines()[0].replace('"', "").split(",")[::-1]
    message = _refused(run, tmp_path, path, "--target", target, "--time", time, "--horizon", "200")
    assert "144 in the longest series" in message


def test_series_without_a_time_column_ask_for_it(run: Command, tmp_path: Path) -> None:
    message = _refused(run, tmp_path, DATA / "wti_daily.csv", "--target", "Price", "--horizon", "5")
    assert "Name it with --time." in message
