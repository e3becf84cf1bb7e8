from __future__ import annotations

from pathlib import Path

import lightgbm
import numpy as np
import pytest
import xgboost
from tests.ingest.models import NUMBERS, frame

from ambidex.data.frames import table_from
from ambidex.errors import InputFileError
from ambidex.ingest.boosters import read_lightgbm, read_xgboost
from ambidex.workflow.ingest import import_foreign

CODES = {"no": 0, "yes": 1}


def test_a_file_of_lightgbm_answers_like_the_booster(tmp_path: Path) -> None:
    rows = frame()
    data = lightgbm.Dataset(rows[NUMBERS], rows.y.map(CODES))
    booster = lightgbm.train({"objective": "binary", "verbose": -1, "min_data_in_leaf": 5, "num_threads": 1}, data, 5)
    booster.save_model(tmp_path / "model.txt")
    done = import_foreign(read_lightgbm(tmp_path / "model.txt"), table_from(rows), target="p")
    wanted = booster.predict(rows[NUMBERS])
    np.testing.assert_allclose(done.artifact.predict_proba(rows)[:, 1], wanted, atol=1e-6)


@pytest.mark.parametrize("suffix", [".json", ".ubj"])
def test_a_file_of_xgboost_answers_like_the_booster(tmp_path: Path, suffix: str) -> None:
    rows = frame()
    data = xgboost.DMatrix(rows[NUMBERS], np.digitize(rows.z, [-1, 1]))
    booster = xgboost.train({"objective": "multi:softprob", "num_class": 3, "nthread": 1}, data, 5)
    booster.save_model(tmp_path / f"model{suffix}")
    done = import_foreign(read_xgboost(tmp_path / f"model{suffix}"), table_from(rows), target="p")
    assert done.artifact.classes == (0, 1, 2)
    np.testing.assert_allclose(done.artifact.predict_proba(rows), booster.predict(data), atol=1e-6)


@pytest.mark.parametrize("read", [read_lightgbm, read_xgboost])
def test_a_file_of_something_else_is_refused(tmp_path: Path, read: object) -> None:
    path = tmp_path / "model.json"
    path.write_text("age,income\n1,2\n")
    with pytest.raises(InputFileError, match="Expected a model of"):
        read(path)  # type: ignore[operator]
