from __future__ import annotations

import warnings
from typing import Any

import lightgbm
import numpy as np
import pytest
import xgboost
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from tests.ingest.models import NUMBERS, frame, pipeline

import ambidex
from ambidex.data.frames import table_from
from ambidex.errors import CertificateError
from ambidex.ingest.estimator import read_estimator
from ambidex.ingest.foreign import ModelRefusedError
from ambidex.workflow.ingest import Imported, import_foreign

CLASSIFIERS: dict[str, Any] = {
    "logistic": LogisticRegression(),
    "forest": RandomForestClassifier(11, random_state=0),
    "calibrated": CalibratedClassifierCV(LogisticRegression(), cv=2),
    "network": MLPClassifier(hidden_layer_sizes=(8,), max_iter=20, random_state=0),
    "lightgbm": lightgbm.LGBMClassifier(n_estimators=5, n_jobs=1, min_child_samples=5, verbose=-1),
}
REGRESSORS: dict[str, Any] = {
    "ridge": Ridge(),
    "trees": ExtraTreesRegressor(10, random_state=0),
    "xgboost": xgboost.XGBRegressor(n_estimators=5, n_jobs=1),
}


def imported(estimator: Any, target: str = "y") -> Imported:
    rows = frame()
    return import_foreign(read_estimator(estimator), table_from(rows), target=target)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_classifier_answers_like_the_original(name: str) -> None:
    rows = frame()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator = CLASSIFIERS[name].fit(rows[NUMBERS], rows.y)
        wanted = estimator.predict_proba(rows[NUMBERS])
    done = imported(estimator)
    assert done.edition.status == "passed"
    assert done.artifact.classes == ("no", "yes")
    np.testing.assert_allclose(done.artifact.predict_proba(rows), wanted, atol=1e-6)
    assert list(done.artifact.predict(rows)) == list(estimator.predict(rows[NUMBERS]))


@pytest.mark.parametrize("name", REGRESSORS)
def test_a_regressor_answers_like_the_original(name: str) -> None:
    rows = frame()
    estimator = REGRESSORS[name].fit(rows[NUMBERS], rows.z)
    done = imported(estimator, "z")
    np.testing.assert_allclose(done.artifact.predict(rows), estimator.predict(rows[NUMBERS]), atol=1e-5)


@pytest.mark.parametrize("last", [GradientBoostingClassifier(n_estimators=5), LogisticRegression()])
def test_a_pipeline_takes_texts_and_missing_values(last: Any) -> None:
    rows = frame()
    estimator = pipeline(last).fit(rows[[*NUMBERS, "t"]], rows.y)
    done = imported(estimator)
    awkward = rows.head(3).copy()
    awkward.loc[0, "a"] = np.nan
    awkward.loc[1, "t"] = "never seen"
    np.testing.assert_allclose(done.artifact.predict_proba(awkward), estimator.predict_proba(awkward), atol=1e-6)


def test_missing_values_take_the_same_way_through_trees() -> None:
    rows = frame()
    rows.loc[::5, "a"] = np.nan
    estimator = RandomForestClassifier(10, random_state=0).fit(rows[NUMBERS], rows.y)
    done = import_foreign(read_estimator(estimator), table_from(rows), target="y")
    np.testing.assert_allclose(done.artifact.predict_proba(rows), estimator.predict_proba(rows[NUMBERS]), atol=1e-6)


def test_labels_that_are_whole_numbers_stay_numbers() -> None:
    rows = frame()
    estimator = LogisticRegression().fit(rows[NUMBERS].to_numpy(), (rows.y == "yes").astype(float))
    done = import_foreign(read_estimator(estimator), None, target="prediction")
    assert done.artifact.classes == (0, 1)
    assert "made up" in done.notes[0]


def test_what_the_original_refuses_is_said() -> None:
    rows = frame()
    done = imported(LogisticRegression().fit(rows[NUMBERS], rows.y))
    assert any("refuses missing or unseen values" in note for note in done.notes)


def test_a_conversion_that_answers_otherwise_is_refused() -> None:
    rows = frame()
    foreign = read_estimator(Ridge().fit(rows[NUMBERS], rows.z))
    other = read_estimator(Ridge(alpha=50.0).fit(rows[NUMBERS], rows.z))
    crossed = type(foreign)(
        origin=foreign.origin,
        columns=foreign.columns,
        classes=(),
        answer=other.answer,
        convert=foreign.convert,
    )
    with pytest.raises(CertificateError, match=r"a conversion that answers like the original .*differs by"):
        import_foreign(crossed, table_from(rows), target="z")


def test_native_categories_of_histogram_boosting_are_refused() -> None:
    rows = frame()
    rows["code"] = rows.t.map({"u": 0, "v": 1, "w": 2})
    columns = [*NUMBERS, "code"]
    estimator = HistGradientBoostingClassifier(max_iter=5, categorical_features=["code"]).fit(rows[columns], rows.y)
    with pytest.raises((ModelRefusedError, CertificateError)):
        import_foreign(read_estimator(estimator), table_from(rows), target="y")


@pytest.mark.parametrize(
    ("estimator", "says"),
    [
        (LogisticRegression(), "Expected a fitted estimator of scikit-learn, got LogisticRegression."),
        (SVC(), "Expected a classifier with probabilities, got SVC. Wrap it in CalibratedClassifierCV"),
        (StandardScaler(), "Expected a classifier or a regressor, got StandardScaler."),
    ],
)
def test_what_cannot_be_imported_is_named(estimator: Any, says: str) -> None:
    rows = frame()
    if not isinstance(estimator, LogisticRegression):
        estimator.fit(rows[NUMBERS], rows.y)
    with pytest.raises(ModelRefusedError) as caught:
        read_estimator(estimator)
    assert caught.value.message.startswith(says)


def test_an_estimator_in_memory_is_imported_by_one_call() -> None:
    rows = frame()
    estimator = Ridge().fit(rows[NUMBERS], rows.z)
    artifact = ambidex.import_model(estimator, rows, target="z")
    np.testing.assert_allclose(artifact.predict(rows), estimator.predict(rows[NUMBERS]), atol=1e-9)
