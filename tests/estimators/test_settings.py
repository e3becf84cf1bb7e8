from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted
from tests.estimators.samples import columns, series

import ambidex
from ambidex import Forecaster, TabularClassifier, TabularRegressor
from ambidex.errors import DataError, OutputFileError, UsageError
from ambidex.estimators.given import PATHS, make_experiment

SOURCE = Path(ambidex.__file__).parent.parent
KINDS: tuple[type[Any], ...] = (TabularClassifier, TabularRegressor, Forecaster)


def loaded_by(statement: str) -> set[str]:
    code = f"import sys\nsys.path.insert(0, {str(SOURCE)!r})\n{statement}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return set(done.stdout.split())


def test_the_names_load_no_engine_and_no_scikit_learn() -> None:
    statement = "import ambidex; ambidex.TabularClassifier(); ambidex.TabularRegressor(); ambidex.Forecaster()"
    foreign = {"sklearn", "torch", "tensorflow", "keras", "jax", "onnx", "onnxruntime", "pandas", "tqdm"}
    assert loaded_by(statement) & foreign == set()


def test_an_estimator_works_where_scikit_learn_is_missing() -> None:
    statement = (
        "import ambidex\n"
        "try: ambidex.TabularClassifier().predict([[1.0]])\n"
        "except ambidex.errors.UsageError as error: print(error)"
    )
    loaded = loaded_by(statement)
    assert {"fitted", "TabularClassifier,"} <= loaded  # the message is printed beside the modules
    assert "sklearn" not in loaded


@pytest.mark.parametrize("kind", KINDS)
def test_arguments_are_stored_untouched(kind: type[Any]) -> None:
    settings, drop = {"hidden": [8]}, ["a"]
    model = kind(epochs="many", settings=settings, drop=drop, backend="fortran")
    assert (model.epochs, model.backend) == ("many", "fortran")
    assert model.settings is settings
    assert model.drop is drop


@pytest.mark.parametrize("kind", KINDS)
def test_a_clone_has_the_settings_and_nothing_else(kind: type[Any]) -> None:
    model = kind(epochs=3, settings={"hidden": [8]})
    twin = clone(model)
    assert twin is not model
    assert twin.get_params() == model.get_params()
    assert vars(twin).keys() == model.get_params().keys()


def test_set_params_changes_what_exists_only() -> None:
    model = TabularClassifier()
    assert model.set_params(epochs=4, backend="torch") is model
    assert (model.epochs, model.backend) == (4, "torch")
    with pytest.raises(UsageError, match=r"got parameter 'epoch'\..*Did you mean 'epochs'\?|Did you mean 'epochs'"):
        model.set_params(seed=1, epoch=4)
    assert model.seed == 0


def test_repr_shows_what_was_changed() -> None:
    assert repr(TabularClassifier(backend="torch", epochs=30)) == "TabularClassifier(backend='torch', epochs=30)"
    assert repr(Forecaster()) == "Forecaster()"


def test_scikit_learn_sees_what_they_are() -> None:
    assert is_classifier(TabularClassifier())
    assert is_regressor(TabularRegressor())
    assert not is_classifier(Forecaster())
    assert not is_regressor(Forecaster())


@pytest.mark.parametrize("kind", KINDS)
def test_every_setting_reaches_the_experiment(kind: type[Any]) -> None:
    elsewhere = {"settings", "certify", "verbose"}
    assert set(kind().get_params()) - elsewhere <= set(PATHS)


def test_settings_become_the_experiment() -> None:
    def own(ops: Any, y_true: Any, y_pred: Any) -> Any:
        return ops.abs(y_true - y_pred)

    model = TabularClassifier(
        learning_rate=np.float64(0.25),
        drop=("a", "b"),
        time_budget=9,
        deterministic=True,
        loss=own,
        settings={"hidden": (8, 4), "plan.optimizer.name": "sgd", "clip": 2.5},
    )
    model.set_params(epochs=np.int64(7))  # what a search over a grid gives
    experiment, loss = make_experiment(model, {"targets": ["y"]})
    plan = experiment.plan
    assert (plan.epochs, plan.optimizer.learning_rate, plan.time_budget_s, plan.is_deterministic) == (7, 0.25, 9, True)
    assert (plan.optimizer.name, plan.optimizer.clip, experiment.drop) == ("sgd", 2.5, ("a", "b"))
    assert tuple(experiment.settings["hidden"]) == (8, 4)
    assert (experiment.loss, loss) == ("auto", own)


@pytest.mark.parametrize("kind", KINDS)
def test_before_fit_there_is_nothing_to_ask(kind: type[Any], tmp_path: Path) -> None:
    model = kind()
    with pytest.raises(NotFittedError):
        check_is_fitted(model)
    for ask in (model.predict, model.save):
        with pytest.raises(UsageError, match=f"Expected a fitted {kind.__name__}, got one that is not") as caught:
            ask(tmp_path / "model.ambidex")
        assert isinstance(caught.value, NotFittedError)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"epochs": 0}, "plan.epochs"),
        ({"epochs": "many"}, "plan.epochs"),
        ({"validation": 1.5}, "validation"),
        ({"model": "mlpp"}, "mlp"),
        ({"settings": {"hiden": [8]}}, "hidden"),
        ({"settings": [8]}, "Expected a dict of fields, got list"),
        ({"certify": "none"}, "certify='none'"),
        ({"backend": "fortran"}, "fortran"),
    ],
)
def test_fit_refuses_settings_that_cannot_be_meant(settings: dict[str, Any], reason: str) -> None:
    with pytest.raises((UsageError, ImportError), match=reason):
        TabularClassifier(**settings).fit(columns(), "good")


def test_fit_refuses_what_is_no_target() -> None:
    table = columns()
    for y, reason in (
        ("goood", "good"),
        (None, "requires y"),
        ([1, 0], "a target for each of 160 rows, got 2"),
        (np.zeros((160, 2, 2)), "one value per row"),
        (table["price"], "Use TabularRegressor"),
        (["good", "price"], "one target for classes"),
    ):
        with pytest.raises((DataError, UsageError), match=reason):
            TabularClassifier().fit(table, y)


def test_fit_refuses_features_that_hold_the_target() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(columns())
    with pytest.raises(DataError, match="features without the target 'good', got it among them"):
        TabularClassifier().fit(frame, frame["good"])


def test_a_forecaster_names_what_it_misses() -> None:
    with pytest.raises(DataError, match="level"):
        Forecaster(model="linear").fit(series(), target="levels", time="day")
    with pytest.raises(UsageError, match="names of columns"):
        Forecaster(model="linear").fit(series(), target=[3], time="day")  # type: ignore[list-item]


def test_a_solved_model_needs_no_engine(tmp_path: Path) -> None:
    history = series()
    model = Forecaster(horizon=4, window=16, model="linear", certify="backend")
    forecast = model.fit(history, target="level", time="day").predict(history)
    steps = np.arange(160, 164)
    assert list(forecast) == ["day", "level"]
    assert np.allclose(forecast["level"], 20 + 5 * np.sin(2 * np.pi * steps / 8), atol=0.05)
    assert -0.01 < model.score(history) <= 0
    with pytest.raises(OutputFileError):
        model.save(tmp_path / "missing" / "model.ambidex")
    model.save(tmp_path / "model.ambidex")
    assert ambidex.load(tmp_path / "model.ambidex").predict(history) == forecast
