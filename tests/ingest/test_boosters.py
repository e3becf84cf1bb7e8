from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import lightgbm
import numpy as np
import pytest
import xgboost
from tests.ingest.models import NUMBERS, frame

from ambidex.data.frames import table_from
from ambidex.errors import InputFileError
from ambidex.ingest.boosters import read_lightgbm, read_xgboost
from ambidex.ingest.foreign import Foreign, ModelRefusedError, Wanted
from ambidex.workflow.ingest import import_foreign

CODES = {"no": 0, "yes": 1}


def test_a_file_of_lightgbm_answers_like_the_booster(tmp_path: Path) -> None:
    rows = frame()
    data = lightgbm.Dataset(rows[NUMBERS], rows.y.map(CODES))
    booster = lightgbm.train({"objective": "binary", "verbose": -1, "min_data_in_leaf": 5, "num_threads": 1}, data, 5)
    booster.save_model(tmp_path / "model.txt")
    done = import_foreign(read_lightgbm(tmp_path / "model.txt", Wanted()), table_from(rows), target="p")
    wanted = booster.predict(rows[NUMBERS])
    np.testing.assert_allclose(done.artifact.predict_proba(rows)[:, 1], wanted, atol=1e-6)


@pytest.mark.parametrize("suffix", [".json", ".ubj"])
def test_a_file_of_xgboost_answers_like_the_booster(tmp_path: Path, suffix: str) -> None:
    rows = frame()
    data = xgboost.DMatrix(rows[NUMBERS], np.digitize(rows.z, [-1, 1]))
    booster = xgboost.train({"objective": "multi:softprob", "num_class": 3, "nthread": 1}, data, 5)
    booster.save_model(tmp_path / f"model{suffix}")
    done = import_foreign(read_xgboost(tmp_path / f"model{suffix}", Wanted()), table_from(rows), target="p")
    assert done.artifact.classes == (0, 1, 2)
    np.testing.assert_allclose(done.artifact.predict_proba(rows), booster.predict(data), atol=1e-6)


def boosters(folder: Path, count: int) -> dict[str, Callable[[Wanted], Foreign]]:
    """How a classifier of `count` classes numbered from 0 is read, by library, given labels."""
    rows = frame()
    codes = rows.y.map(CODES) if count == 2 else np.digitize(rows.z, [-1, 1])
    lightgbm.LGBMClassifier(n_estimators=5, min_child_samples=5, verbose=-1, n_jobs=1).fit(
        rows[NUMBERS], codes
    ).booster_.save_model(folder / "model.txt")
    xgboost.XGBClassifier(n_estimators=5, n_jobs=1).fit(rows[NUMBERS], codes).save_model(folder / "model.ubj")
    return {
        "lightgbm": partial(read_lightgbm, folder / "model.txt"),
        "xgboost": partial(read_xgboost, folder / "model.ubj"),
    }


@pytest.mark.parametrize("library", ["lightgbm", "xgboost"])
@pytest.mark.parametrize("labels", [("no", "yes"), ("low", "middle", "high"), (10, 20)])
def test_given_labels_name_the_numbered_classes(tmp_path: Path, library: str, labels: tuple[str | int, ...]) -> None:
    read, rows = boosters(tmp_path, len(labels))[library], frame()
    numbered = import_foreign(read(Wanted()), table_from(rows), target="p").artifact
    named = import_foreign(read(Wanted(classes=labels)), table_from(rows), target="p").artifact
    assert (numbered.classes, named.classes) == (tuple(range(len(labels))), labels)
    np.testing.assert_array_equal(named.predict_proba(rows), numbered.predict_proba(rows))
    assert named.predict(rows).tolist() == [labels[number] for number in numbered.predict(rows)]


@pytest.mark.parametrize("library", ["lightgbm", "xgboost"])
def test_a_wrong_number_of_labels_is_refused(tmp_path: Path, library: str) -> None:
    with pytest.raises(ModelRefusedError, match=r"Expected 2 classes, got 3 labels at --classes\."):
        boosters(tmp_path, 2)[library](Wanted(classes=("a", "b", "c")))


def test_labels_for_numbers_are_refused(tmp_path: Path) -> None:
    rows = frame()
    xgboost.XGBRegressor(n_estimators=2, n_jobs=1).fit(rows[NUMBERS], rows.z).save_model(tmp_path / "model.json")
    with pytest.raises(ModelRefusedError, match="Expected no classes for the numbers of reg:squarederror, got 2"):
        read_xgboost(tmp_path / "model.json", Wanted(classes=("a", "b")))


@pytest.mark.parametrize("read", [read_lightgbm, read_xgboost])
def test_a_file_of_something_else_is_refused(tmp_path: Path, read: object) -> None:
    path = tmp_path / "model.json"
    path.write_text("age,income\n1,2\n")
    with pytest.raises(InputFileError, match="Expected a model of"):
        read(path, Wanted())  # type: ignore[operator]
