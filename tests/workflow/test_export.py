"""Exporting: what is refused, what is stated, and that nothing half-written or wrong is left behind."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from tests.export.artifacts import ROWS, artifact_of

from ambidex.backends.source import Arrays, Options, Source
from ambidex.errors import CertificateError, OutputFileError, UsageError
from ambidex.export.onnx import target as onnx
from ambidex.export.table import TARGETS
from ambidex.workflow.export import check_options, export
from ambidex.workflow.load import Artifact


@pytest.fixture(scope="module")
def artifact() -> Artifact:
    return artifact_of("mlp")


def rows() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    return {
        "size": rng.normal(size=ROWS),
        "is_new": rng.random(ROWS) < 0.5,
        "größe €": rng.choice(["klein", "groß"], ROWS),
        "colour": rng.choice(["red", "pink"], ROWS),
        "sold": np.full(ROWS, np.datetime64("2024-05-01", "us")),
        "class": rng.choice(["low", "high"], ROWS),
    }


def test_the_python_door_writes_and_says_how_far_it_is(artifact: Artifact, tmp_path: Path) -> None:
    done = artifact.export("onnx", tmp_path / "model.onnx", options={"packed": True})
    assert done.edition.status == "passed"
    assert done.edition.max_abs is not None
    assert done.edition.max_abs <= (done.edition.tolerance or 0)
    assert done.size_bytes == (tmp_path / "model.onnx").stat().st_size


def test_an_unknown_option_is_refused_by_name(artifact: Artifact, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="packd"):
        artifact.export("onnx", tmp_path / "model.onnx", options={"packd": True})


@pytest.mark.parametrize("precision", ["int8", "float16"])
def test_fewer_bits_are_stated_and_never_called_passed(precision: str, artifact: Artifact, tmp_path: Path) -> None:
    done = artifact.export("onnx", tmp_path / "model.onnx", options={"precision": precision}, rows=rows())
    assert done.edition.status == "not_run"
    assert done.edition.reason == f"weights are stored as {precision}, which rounds them"
    assert done.edition.max_abs is not None
    assert done.edition.max_abs > 1e-6
    assert done.measured is not None
    assert done.measured.before.keys() == done.measured.after.keys() >= {"accuracy", "log_loss"}
    assert done.measured.before["log_loss"] != done.measured.after["log_loss"]
    assert done.measured.after["log_loss"] == pytest.approx(done.measured.before["log_loss"], abs=0.1)


def test_options_that_would_be_ignored_are_refused() -> None:
    with pytest.raises(UsageError) as raised:
        check_options(TARGETS["pt2"], Options(packed=True))
    takers = ", ".join(name for name, target in TARGETS.items() if "packed" in target.options)
    assert raised.value.message == f"Expected a target that knows --packed ({takers}), got 'pt2' at --to."
    with pytest.raises(UsageError, match=r"Expected a target that knows --int8 \(onnx, "):
        check_options(TARGETS["keras"], Options(precision="int8"))
    for target in TARGETS.values():
        check_options(target, Options())


def test_wrong_answers_are_refused_and_nothing_is_left(
    artifact: Artifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = onnx.answer

    def wrong(output: Path, source: Source, batches: Sequence[Arrays]) -> list[Arrays]:
        answers = right(output, source, batches)
        answers[-1]["class_probabilities"] += 1e-3
        return answers

    monkeypatch.setattr(onnx, "answer", wrong)
    with pytest.raises(CertificateError) as raised:
        export(artifact, "onnx", tmp_path / "model.onnx")
    assert raised.value.message.startswith(
        "Expected the onnx export to agree with the float64 reference, got differs by 1.00e-03, "
    )
    assert raised.value.exit_status == 1
    assert not list(tmp_path.iterdir())


def test_answers_that_are_no_numbers_are_refused_in_fewer_bits_too(
    artifact: Artifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = onnx.answer

    def broken(output: Path, source: Source, batches: Sequence[Arrays]) -> list[Arrays]:
        answers = right(output, source, batches)
        answers[0]["class_probabilities"][0] = np.nan
        return answers

    monkeypatch.setattr(onnx, "answer", broken)
    with pytest.raises(CertificateError, match="answers that are not numbers"):
        export(artifact, "onnx", tmp_path / "model.onnx", options=Options(precision="int8"))


def test_places_that_cannot_be_written_are_refused_before_any_work(artifact: Artifact, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("keep")
    for target, place in (("triton", "full"), ("onnx", "full"), ("mlflow", "nowhere/out")):
        with pytest.raises(OutputFileError):
            export(artifact, target, tmp_path / place)
    assert (tmp_path / "full" / "mine").read_text() == "keep"
