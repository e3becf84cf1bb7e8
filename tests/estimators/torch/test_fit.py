from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tests.engines import is_installed
from tests.estimators.journey import check_classifier, check_forecaster, check_own_loss, check_regressor
from tests.estimators.samples import FORECAST, QUICK, columns, features, series

import ambidex
from ambidex import Forecaster, TabularClassifier, TabularRegressor
from ambidex.errors import DataError

pytestmark = pytest.mark.torch


def classifier(**settings: Any) -> TabularClassifier:
    return TabularClassifier(**{"backend": "torch", **QUICK, **settings})


def test_a_classifier_learns_and_lasts(tmp_path: Path) -> None:
    check_classifier("torch", tmp_path)


def test_a_regressor_learns_several_numbers_and_quantiles() -> None:
    check_regressor("torch")


def test_a_forecaster_continues_a_wave() -> None:
    check_forecaster("torch")


def test_a_function_is_a_loss() -> None:
    check_own_loss("torch")


@pytest.mark.parametrize(
    "name",
    [pytest.param("str", id="texts"), pytest.param("int", id="numbers"), pytest.param("bool", id="flags")],
)
def test_labels_come_back_in_the_type_they_came_in(name: str) -> None:
    good = columns()["good"]
    y = {"str": np.where(good, "1", "0").astype(object), "int": good.astype(np.int16) * 7, "bool": good}[name]
    model = classifier(epochs=2).fit(features(), y)
    assert model.classes_.dtype == y.dtype
    assert model.predict(features()).dtype == y.dtype
    assert sorted(set(y.tolist())) == model.classes_.tolist()


def test_three_classes_have_three_probabilities() -> None:
    shape = columns()["shape"]
    model = classifier().fit(
        {"size": columns()["size"], "is_flat": shape == "flat", "is_round": shape == "round"}, shape
    )
    assert model.predict_proba({"size": [0.0], "is_flat": [True], "is_round": [False]}).argmax() == 0
    assert model.classes_.tolist() == ["flat", "round", "square"]
    assert model.score({"size": [0.0], "is_flat": [False], "is_round": [True]}, ["round"]) == 1.0


@pytest.mark.parametrize("make", [dict, pd.DataFrame, pl.DataFrame, pa.table])
def test_every_kind_of_frame_gives_the_same_model(make: Any) -> None:
    table = {**columns(), "shape": columns()["shape"].tolist()}
    model = classifier(drop=["price"]).fit(make(table), "good")
    reference = classifier(drop=["price"]).fit(table, "good")
    assert np.array_equal(model.predict_proba(make(table)), reference.predict_proba(table))


def test_columns_are_found_by_name_and_others_ignored() -> None:
    model = classifier().fit(features(), columns()["good"])
    turned = {"other": [0] * 160, **dict(reversed(features().items()))}
    assert np.array_equal(model.predict(turned), model.predict(features()))
    with pytest.raises(DataError, match="shape"):
        model.predict({"size": [1.0]})


def test_a_second_fit_forgets_the_first() -> None:
    model = classifier(epochs=2).fit(features(), columns()["good"])
    model.fit(np.array([[0.0, 1.0, 2.0], [1.0, 0.0, 3.0]] * 20), np.array([3, 4] * 20))
    assert (model.classes_.tolist(), model.n_features_in_) == ([3, 4], 3)
    assert not hasattr(model, "feature_names_in_")
    assert model.predict([[0.0, 1.0, 2.0]]).tolist() in ([3], [4])


def test_two_fits_are_equal() -> None:
    first, second = (classifier().fit(features(), columns()["good"]) for _ in range(2))
    assert np.array_equal(first.predict_proba(features()), second.predict_proba(features()))


def test_weights_move_the_answers() -> None:
    good = columns()["good"]
    table = {"size": np.tile([0.0, 1.0], 80), "w": np.where(good, 20.0, 1.0)}
    share = classifier().fit(table, good, sample_weight="w").predict_proba(table)[:, 1].mean()
    values = classifier().fit({"size": table["size"]}, good, sample_weight=table["w"]).predict_proba(table)[:, 1].mean()
    by_label = classifier(class_weight={True: 20.0}).fit({"size": table["size"]}, good)
    assert share == values == by_label.predict_proba(table)[:, 1].mean()
    assert share > 0.85 > good.mean()


def test_a_search_over_settings() -> None:
    search = GridSearchCV(classifier(epochs=4), {"learning_rate": [1e-6, 0.02]}, cv=2)
    search.fit(pd.DataFrame(features()), columns()["good"])
    assert search.best_params_ == {"learning_rate": 0.02}
    assert search.best_estimator_.predict(pd.DataFrame(features())).dtype == bool


def test_cross_validation_and_a_pipeline() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(120, 2))
    y = 2 * x[:, 0] - x[:, 1]
    model = make_pipeline(StandardScaler(), TabularRegressor(**{"backend": "torch", **QUICK, "epochs": 40}))
    assert cross_val_score(model, x, y, cv=2).min() > 0.7


def test_a_forecaster_answers_in_the_frame_that_came() -> None:
    history = pd.DataFrame(series())
    model = Forecaster(**{"backend": "torch", **FORECAST, "epochs": 1, "quantiles": (0.1, 0.9)})
    forecast = model.fit(history, target="level", time="day").predict(history.tail(30))
    assert list(forecast.columns) == ["day", "level", "level_q0.1", "level_q0.9"]
    assert forecast["day"].iloc[0] == pd.Timestamp("2024-06-09")


def test_fit_leaves_no_file(tmp_path: Path) -> None:
    before = Path.cwd()
    os.chdir(tmp_path)
    try:
        classifier(epochs=1).fit(features(), columns()["good"])
    finally:
        os.chdir(before)
    assert list(tmp_path.iterdir()) == []


def test_progress_is_shown_only_when_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    classifier(epochs=1).fit(features(), columns()["good"])
    assert capsys.readouterr() == ("", "")
    classifier(epochs=1, verbose=True).fit(features(), columns()["good"])
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "task: binary" in shown.err
    assert "epoch 1" in shown.err


@pytest.mark.slow
def test_save_completes_the_certificate(tmp_path: Path) -> None:
    model = classifier(certify="all", epochs=2).fit(features(), columns()["good"])

    def ran() -> list[str]:
        return [name for name, edition in model.artifact_.certificate.editions.items() if edition.status == "passed"]

    assert ran() == ["onnx", "torch"]
    before = model.predict_proba(features())
    model.save(tmp_path / "model.ambidex")
    others = [name for name in ("tensorflow", "jax") if is_installed(name)]
    assert ran() == ["onnx", "torch", *others]
    assert np.array_equal(ambidex.load(tmp_path / "model.ambidex").predict_proba(features()), before)
