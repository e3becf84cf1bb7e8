"""An experiment from flags, assignments and TOML, and what is said about a slip in any of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ambidex.arch.architecture import Settings
from ambidex.arch.table import MODELS
from ambidex.config import Experiment, Given, Series, resolve
from ambidex.errors import InputFileError, UsageError
from ambidex.training.defaults import default_plan
from ambidex.training.plan import Optimizer, Plan


def resolved(*assignments: str, file: str = "", values: dict[str, Any] | None = None) -> Experiment:
    return resolve(Given(values={"targets": ["y"], **(values or {})}, assignments=assignments, file=file))


def message(*assignments: str, file: str = "", values: dict[str, Any] | None = None) -> tuple[str, str]:
    """The text and the place of the error."""
    with pytest.raises(UsageError) as caught:
        resolved(*assignments, file=file, values=values)
    return str(caught.value), caught.value.where


def written(folder: Path, text: str) -> str:
    path = folder / "experiment.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_table_gets_the_default_model_with_its_settings_and_plan() -> None:
    found = resolved()
    assert (found.model, found.is_series) == ("mlp", False)
    assert msgspec.convert(found.settings, MODELS["mlp"].settings) == MODELS["mlp"].settings()
    assert found.plan == default_plan("mlp")


def test_a_horizon_makes_a_series_wherever_it_is_said(tmp_path: Path) -> None:
    said = [
        resolved(values={"series.horizon": 3}),
        resolved("horizon=3"),
        resolved("series.horizon=3"),
        resolved(file=written(tmp_path, "[series]\nhorizon = 3\n")),
    ]
    assert [(each.model, each.is_series, each.series.horizon) for each in said] == [("linear", True, 3)] * 4


@pytest.mark.parametrize("name", [name for name, model in MODELS.items() if not model.is_solved])
def test_every_model_brings_its_own_plan(name: str) -> None:
    horizon = {"series.horizon": 2} if MODELS[name].domain == "series" else {}
    assert resolved(values={"model": name, **horizon}).plan == default_plan(name)


def test_what_is_said_changes_only_itself() -> None:
    found = resolved("clip=0.5", values={"model": "lstm", "series.horizon": 2, "plan.epochs": 3})
    usual = default_plan("lstm")
    optimizer = msgspec.structs.replace(usual.optimizer, clip=0.5)
    assert found.plan == msgspec.structs.replace(usual, epochs=3, optimizer=optimizer)


@pytest.mark.parametrize("key", ["learning_rate", "plan.optimizer.learning_rate"])
def test_a_field_is_reached_by_its_name_or_its_path(key: str) -> None:
    assert resolved(f"{key}=0.5").plan.optimizer.learning_rate == 0.5


@pytest.mark.parametrize(
    ("assignment", "path", "value"),
    [
        ("epochs=7", "plan.epochs", 7),
        (" epochs = 7 ", "plan.epochs", 7),
        ("ema=0.5", "plan.ema", 0.5),
        ("is_deterministic=true", "plan.is_deterministic", True),
        ("schedule=one_cycle", "plan.schedule", "one_cycle"),
        ('schedule="step"', "plan.schedule", "step"),
        ("hidden=64", "settings.hidden", (64,)),
        ("hidden=64,32", "settings.hidden", (64, 32)),
        ("hidden=[64, 32]", "settings.hidden", (64, 32)),
        ("settings.norm=layer", "settings.norm", "layer"),
        ("quantiles=0.1,0.9", "quantiles", (0.1, 0.9)),
        ("drop=a, b", "drop", ("a", "b")),
        ("drop=17", "drop", ("17",)),
        ("weight=17", "weight", "17"),
        ("validation=0.3", "validation", 0.3),
        ("validation=later.csv", "validation", "later.csv"),
        ("time=date=x", "series.time", "date=x"),
        ("columns.zip=category", "columns", {"zip": "category"}),
        ("columns.a.b=number", "columns", {"a.b": "number"}),
    ],
)
def test_a_text_is_read_as_the_type_of_its_field(assignment: str, path: str, value: object) -> None:
    found: Any = resolved(assignment)
    for key in path.split("."):
        found = found[key] if isinstance(found, dict) else getattr(found, key)
    assert (tuple(found) if isinstance(found, list) else found) == value


def test_later_and_nearer_words_win(tmp_path: Path) -> None:
    file = written(tmp_path, "[plan]\nepochs = 1\npatience = 1\nthreads = 1\n")
    found = resolved("epochs=3", "epochs=4", file=file, values={"plan.epochs": 2, "plan.patience": 2})
    assert (found.plan.epochs, found.plan.patience, found.plan.threads) == (4, 2, 1)


def test_toml_holds_a_whole_experiment(tmp_path: Path) -> None:
    text = """
        targets = ["load", "price"]
        task = "forecast"
        model = "gru"
        quantiles = [0.1, 0.5, 0.9]
        columns = { zip = "category" }
        [series]
        time = "date"
        horizon = 24
        scaling = "difference"
        [settings]
        units = 8
        [plan]
        seed = 3
        optimizer = { name = "sgd", momentum = 0.5 }
    """
    found = resolve(Given(file=written(tmp_path, text)))
    usual = default_plan("gru")
    assert found == Experiment(
        targets=("load", "price"),
        task="forecast",
        model="gru",
        quantiles=(0.1, 0.5, 0.9),
        columns={"zip": "category"},
        series=Series(time="date", horizon=24, scaling="difference"),
        settings=msgspec.to_builtins(MODELS["gru"].settings(units=8)),
        plan=msgspec.structs.replace(
            usual, seed=3, optimizer=msgspec.structs.replace(usual.optimizer, name="sgd", momentum=0.5)
        ),
    )


def test_an_experiment_survives_json() -> None:
    found = resolved("hidden=8", "quantiles=0.1,0.9")
    again = msgspec.json.decode(msgspec.json.encode(found), type=Experiment)
    assert msgspec.json.encode(again) == msgspec.json.encode(found)


def test_the_records_defaults_are_valid() -> None:
    for record in (Plan, Optimizer, Series):
        assert msgspec.convert(msgspec.to_builtins(record()), record) == record()


@pytest.mark.parametrize(
    ("assignment", "text"),
    [
        ("epochs", "Expected key=value, got 'epochs' at --set."),
        ("epochs=abc", "Expected `int`, got 'abc' at --set plan.epochs."),
        ("epochs=0", "Expected `int` >= 1, got '0' at --set plan.epochs."),
        ("seed=-1", "Expected `int` >= 0, got '-1' at --set plan.seed."),
        ("dropout=1", "Expected `float` < 1.0, got '1' at --set settings.dropout."),
        ("norm=x", "Expected one of batch, layer, none, got 'x' at --set settings.norm."),
        (
            "schedule=cosin",
            (
                "Expected one of constant, cosine, one_cycle, step, got 'cosin' at --set plan.schedule. "
                "Did you mean 'cosine'?"
            ),
        ),
        (
            "scaling=log-ratio",
            (
                "Expected one of auto, difference, instance, log_ratio, none, standardize, got 'log-ratio' at --set "
                "series.scaling. Did you mean 'log_ratio'?"
            ),
        ),
    ],
)
def test_a_wrong_assignment_is_named_with_its_field(assignment: str, text: str) -> None:
    assert message(assignment)[0] == text


def test_an_unknown_key_brings_the_nearest_one() -> None:
    text, where = message("epoch=3")
    assert text.startswith("Expected one of accumulate, activation, ")
    assert text.endswith(", got field 'epoch' at --set. Did you mean 'epochs'?")
    assert where == "--set"


def test_a_name_in_two_records_needs_its_path(monkeypatch: pytest.MonkeyPatch) -> None:
    class Twice(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
        """Settings with a field that the plan also has."""

        epochs: int = 1

    monkeypatch.setitem(MODELS, "mlp", replace(MODELS["mlp"], settings=Twice))
    assert message("epochs=3")[0] == "Expected one of plan.epochs, settings.epochs, got 'epochs' at --set."
    assert resolved("settings.epochs=3", "plan.epochs=4").settings == {"epochs": 3}


@pytest.mark.parametrize(
    ("values", "text", "where"),
    [
        (
            {"plan.schedule": "cosin"},
            "Expected one of constant, cosine, one_cycle, step, got 'cosin' at plan.schedule. Did you mean 'cosine'?",
            "plan.schedule",
        ),
        (
            {"series.scaling": "foo", "series.horizon": 1},
            "Expected one of auto, difference, instance, log_ratio, none, standardize, got 'foo' at series.scaling.",
            "series.scaling",
        ),
        ({"plan.epochs": "x"}, "Expected `int`, got `str` at plan.epochs.", "plan.epochs"),
        ({"plan": 3}, "Expected `object`, got `int` at plan.", "plan"),
        ({"series": 3}, "Expected `object`, got `int` at series.", "series"),
        ({"plan": 3, "plan.epochs": 3}, "Expected fields, got 3 at plan.", "plan"),
        ({"quantiles": [0.1, 2]}, "Expected `float` < 1.0 at quantiles[1].", "quantiles[1]"),
        (
            {"settings.norm": "bach"},
            "Expected one of batch, layer, none, got 'bach' at settings.norm. Did you mean 'batch'?",
            "settings.norm",
        ),
        (
            {"settings.hiden": 3},
            (
                "Expected one of activation, dropout, embedding, hidden, norm, got field settings.hiden. "
                "Did you mean 'hidden'?"
            ),
            "settings.hiden",
        ),
    ],
)
def test_a_wrong_value_is_named_with_its_field(values: dict[str, Any], text: str, where: str) -> None:
    assert message(values=values) == (text, where)


@pytest.mark.parametrize("prefix", ["", "plan.", "plan.optimizer.", "series."])
def test_an_unknown_field_is_named_at_its_place(prefix: str) -> None:
    text, where = message(values={f"{prefix}nonsense": 1, "series.horizon": 1})
    assert text.startswith("Expected one of ")
    assert text.endswith(f", got field {prefix}nonsense.")
    assert where == f"{prefix}nonsense"


def test_a_file_that_is_not_there_or_no_toml_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match=r"^Expected a TOML file to read, got No such file or directory at .*\.$"):
        resolved(file=str(tmp_path / "none.toml"))
    assert message(file=written(tmp_path, "epochs = = 3"))[0].startswith("Expected TOML, got Invalid value (at line 1")


def test_an_unknown_model_brings_those_there_are() -> None:
    assert message(values={"model": "mpl"}) == (
        "Expected one of auto, mlp, mlp_plain, got model 'mpl' at --model. Did you mean 'mlp'?",
        "--model",
    )


def test_a_model_for_series_says_what_is_missing() -> None:
    assert message("model=lstm")[0] == (
        "Expected one of auto, mlp, mlp_plain, got model 'lstm' at --model. A forecast also needs --time and --horizon."
    )


@pytest.mark.parametrize("field", ["series.window", "series.scaling", "series.past"])
def test_settings_of_series_need_a_horizon(field: str) -> None:
    value = {"series.window": 24, "series.scaling": "none", "series.past": ["x"]}[field]
    with pytest.raises(UsageError, match=f"Expected a horizon beside {field}, got none"):
        resolve(Given(values={"targets": ["y"], field: value}))


@pytest.mark.parametrize(("field", "value"), [("split", "group:k"), ("weight", "w"), ("class_weight", "balanced")])
def test_settings_of_tables_are_refused_for_series(field: str, value: str) -> None:
    values = {"targets": ["y"], "series.time": "t", "series.horizon": 3, field: value}
    with pytest.raises(UsageError, match=f"Expected no {field} for series, got"):
        resolve(Given(values=values))


@pytest.mark.parametrize(
    "given",
    [
        Given(values={"targets": ["price"], "series.time": "date", "series.horizon": 0}),
        Given(values={"targets": ["price"], "task": "regression", "series.horizon": 0}),
        Given(values={"targets": ["price"]}, assignments=["horizon=0"]),
    ],
)
def test_a_horizon_of_0_is_refused_where_it_was_asked_for(given: Given) -> None:
    with pytest.raises(UsageError) as raised:
        resolve(given)
    assert str(raised.value) == ("Expected a horizon of at least 1 step, got 0 at --horizon. Leave it out for a table.")
