"""Certified rows, answered again before a model goes live."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ambidex.artifact import CERTIFICATE, Certificate, open_artifact
from ambidex.artifact.certificate import decode_certificate, encode_certificate
from ambidex.errors import ArtifactError
from ambidex.runtime.predictor import Predictor
from ambidex.runtime.rehearsal import rehearse
from ambidex.runtime.repository import file_place, load_model

GOLDEN = Path(__file__).parent.parent / "golden" / "files"


def loaded(name: str) -> tuple[Predictor, Certificate]:
    path = GOLDEN / f"format-1-{name}.ambidex"
    recorded = decode_certificate(open_artifact(path).read(CERTIFICATE))
    return load_model(file_place(str(path))).predictor, recorded


def changed(recorded: Certificate, part: str, name: str, values: list[Any]) -> bytes:
    from msgspec.structs import replace

    return encode_certificate(replace(recorded, **{part: {**getattr(recorded, part), name: values}}))


@pytest.mark.parametrize("name", ["table", "series"])
def test_an_honest_artifact_answers_as_certified(name: str) -> None:
    predictor, recorded = loaded(name)
    assert rehearse(predictor, encode_certificate(recorded)) == 20


def test_other_numbers_are_refused() -> None:
    predictor, recorded = loaded("series")
    answers = [[value * 1.001 for value in row] for row in recorded.outputs["co2"]]
    with pytest.raises(ArtifactError, match="the certified answers for 'co2', got others"):
        rehearse(predictor, changed(recorded, "outputs", "co2", answers))


def test_other_labels_are_refused() -> None:
    predictor, recorded = loaded("table")
    swapped = {"<=50K": ">50K", ">50K": "<=50K"}
    labels = [swapped[label] for label in recorded.outputs["income"]]
    with pytest.raises(ArtifactError, match="the certified answers for 'income', got others"):
        rehearse(predictor, changed(recorded, "outputs", "income", labels))


def test_a_label_on_the_border_may_differ() -> None:
    predictor, recorded = loaded("table")
    labels = [">50K", *recorded.outputs["income"][1:]]
    assert recorded.outputs["income"][0] == "<=50K"
    assert rehearse(predictor, changed(recorded, "outputs", "income", labels)) == 20


@pytest.mark.parametrize("values", [["a"] * 20, [[1.0]] * 20, [10**400] * 20])
def test_rows_that_do_not_fit_are_refused(values: list[Any]) -> None:
    predictor, recorded = loaded("table")
    raw = changed(recorded, "rows", "age", values)
    with pytest.raises(ArtifactError, match="rows that the model answers"):
        rehearse(predictor, raw)


def test_rows_without_a_column_are_refused() -> None:
    predictor, recorded = loaded("table")
    rows = {name: values for name, values in recorded.rows.items() if name != "age"}
    raw = encode_certificate(Certificate(rows=rows, outputs={}, editions={}, rows_compared=0))
    with pytest.raises(ArtifactError, match="rows that the model answers"):
        rehearse(predictor, raw)


def test_a_certificate_without_rows_asks_nothing() -> None:
    predictor, _ = loaded("table")
    assert rehearse(predictor, encode_certificate(Certificate(rows={}, outputs={}, editions={}, rows_compared=0))) == 0
