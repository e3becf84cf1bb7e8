"""`ambidex import` as users call it: a file read in its own process, an artifact that works like every other."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import joblib
import pytest
import skops.io
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from tests.cli.conftest import adult_rows, write_csv
from tests.ingest.models import NUMBERS, frame, pipeline

from ambidex.cli.main import main

MODEL = Path(__file__).parents[1] / "golden" / "files" / "format-1-table.ambidex"


class Marker:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return (open, (self.path, "w"))


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    frame().to_csv(path, index=False)
    return path


def test_an_imported_pipeline_predicts_verifies_and_is_inspected(
    tmp_path: Path, rows: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, output = tmp_path / "model.pkl", tmp_path / "model.ambidex"
    joblib.dump(pipeline(LogisticRegression()).fit(frame()[[*NUMBERS, "t"]], frame().y), model)
    given = [str(model), "--trust", "--data", str(rows), "--target", "y", "-o", str(output), "--json"]
    assert main(["import", *given]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["origin"].startswith("scikit-learn ")
    assert result["classes"] == ["no", "yes"]
    assert result["certificate"]["onnx"]["passed"]
    assert main(["verify", str(output)]) == 0
    assert main(["inspect", str(output)]) == 0
    assert "imported from scikit-learn" in capsys.readouterr().out
    assert main(["predict", str(output), str(rows), "-o", str(tmp_path / "out.csv")]) == 0
    assert (tmp_path / "out.csv").read_text().startswith("a,b,c,t,y,z,y_p_no,y_p_yes")
    assert main(["evaluate", str(output), str(rows)]) == 0
    capsys.readouterr()
    assert main(["export", str(output), "--to", "onnx", "-o", str(tmp_path / "m.onnx")]) == 2
    assert "got one imported from scikit-learn" in capsys.readouterr().err


def test_a_file_of_skops_needs_no_trust(tmp_path: Path, rows: Path) -> None:
    model, output = tmp_path / "model.skops", tmp_path / "model.ambidex"
    skops.io.dump(LogisticRegression().fit(frame()[NUMBERS], frame().y), model)
    assert main(["import", str(model), "--data", str(rows), "--target", "y", "-o", str(output)]) == 0
    assert output.exists()


def test_labels_for_a_file_that_holds_its_own_are_refused(
    tmp_path: Path, rows: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, output = tmp_path / "model.skops", tmp_path / "model.ambidex"
    skops.io.dump(LogisticRegression().fit(frame()[NUMBERS], frame().y), model)
    given = ["--data", str(rows), "--target", "y", "--classes", "a,b", "-o", str(output)]
    assert main(["import", str(model), *given]) == 2
    message = "Expected a file without labels of its own, got one of scikit-learn (skops) at --classes."
    assert message in capsys.readouterr().err
    assert not output.exists()


@pytest.mark.parametrize("words", [(), ("--float16",)])
def test_what_export_writes_is_read_again_with_its_labels(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    exported, output = tmp_path / "model.onnx", tmp_path / "model.ambidex"
    rows = write_csv(tmp_path / "rows.csv", adult_rows(20))
    assert main(["export", str(MODEL), "--to", "onnx", *words, "-o", str(exported)]) == 0
    capsys.readouterr()
    given = ["--data", str(rows), "--target", "income", "-o", str(output), "--json"]
    assert main(["import", str(exported), *given]) == 0
    assert json.loads(capsys.readouterr().out)["classes"] == ["<=50K", ">50K"]


def test_an_empty_file_and_other_operators_are_refused_by_the_file_s_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, output = tmp_path / "scorer.onnx", tmp_path / "model.ambidex"
    model.touch()
    assert main(["import", str(model), "-o", str(output)]) == 2
    assert capsys.readouterr().err == f"ambidex: Expected a model's file, got an empty one at {model}.\n"
    assert main(["export", str(MODEL), "--to", "onnx", "--int8", "-o", str(model)]) == 0
    capsys.readouterr()
    assert main(["import", str(model), "-o", str(output)]) == 2
    assert capsys.readouterr().err.endswith(f" at {model}.\n")


def test_the_reason_why_there_is_no_conversion_is_told_once(
    tmp_path: Path, rows: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = frame()[[*NUMBERS, "t"]].astype({"t": "category"})
    estimator = HistGradientBoostingClassifier(max_iter=2, categorical_features="from_dtype").fit(table, frame().y)
    joblib.dump(estimator, tmp_path / "model.pkl")
    given = ["--trust", "--data", str(rows), "--target", "y", "-o", str(tmp_path / "model.ambidex")]
    assert main(["import", str(tmp_path / "model.pkl"), *given]) == 1
    message = capsys.readouterr().err
    assert message.startswith("ambidex: Expected an estimator that skl2onnx can convert, got For operator ")
    assert message.count("Expected") == 1
    assert len(message) < 260


def test_a_hostile_pickle_is_not_opened_without_trust(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, mark, output = tmp_path / "model.pkl", tmp_path / "mark", tmp_path / "model.ambidex"
    model.write_bytes(pickle.dumps(Marker(mark)))
    assert main(["import", str(model), "-o", str(output)]) == 2
    assert not mark.exists()
    assert not output.exists()
    assert "reading it can run code" in capsys.readouterr().err


def test_what_is_no_model_ends_with_one_message(tmp_path: Path, rows: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "model.ambidex"
    model = tmp_path / "model.pkl"
    model.write_bytes(pickle.dumps({"a": 1}))
    assert main(["import", str(model), "--trust", "-o", str(output)]) == 2
    assert "Expected an estimator, got dict" in capsys.readouterr().err
    assert main(["import", str(rows), "-o", str(output)]) == 2
    assert "got 'rows.csv'" in capsys.readouterr().err
    assert not output.exists()
