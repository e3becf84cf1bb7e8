"""What is known of a pickled estimator's columns: numbers, texts, or nothing, and then the model is asked."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler

from ambidex.ingest.serve_estimator import open_model

FRAME = pd.DataFrame(
    {
        "age": [1.0, 2, 3, 4],
        "work": ["a", "b", "a", np.nan],
        "code": [7, 8, 7, 8],
        "mixed": pd.Series([1, "x", 1, "x"], dtype=object),
        "text": ["u", "v", "u", "v"],
    }
)
LABELS = [0, 1, 0, 1]
FILLED = SimpleImputer(strategy="most_frequent")
NUMBER, TEXT, EITHER = ("FP64", "numbers"), ("BYTES", "own"), ("FP64", "any")


def length(texts: Any) -> Any:
    """A transformer of texts that no attribute gives away."""
    return np.array([[len(str(text))] for text in np.ravel(texts)])


def pipeline() -> Pipeline:
    steps = [
        ("age", make_pipeline(SimpleImputer(), StandardScaler()), ["age"]),
        ("work", make_pipeline(FILLED, OneHotEncoder()), ["work"]),
        ("code", OneHotEncoder(), ["code"]),
        ("text", FunctionTransformer(length), ["text"]),
    ]
    return make_pipeline(ColumnTransformer(steps), LogisticRegression())


CASES = [
    (pipeline(), ["age", "work", "code", "text"], [NUMBER, TEXT, NUMBER, EITHER]),
    (RandomForestClassifier(3), ["age", "code"], [NUMBER, NUMBER]),
    (make_pipeline(StandardScaler(), LogisticRegression()), ["age"], [NUMBER]),
    (HistGradientBoostingClassifier(), ["age"], [EITHER]),
    (make_pipeline(ColumnTransformer([("m", FunctionTransformer(length), ["mixed"])])), ["mixed"], [EITHER]),
    (make_pipeline(ColumnTransformer([("o", OrdinalEncoder(), ["text"])])), ["text"], [TEXT]),
]


@pytest.mark.parametrize(("estimator", "columns", "kinds"), CASES)
def test_a_column_takes_what_the_estimator_was_fitted_on(
    tmp_path: Path, estimator: Any, columns: list[str], kinds: list[tuple[str, str]]
) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps(estimator.fit(FRAME[columns], LABELS)))
    inputs = open_model(str(path), kind="pickle", is_trusted=True).interface.inputs
    assert [port.name for port in inputs] == columns
    assert [(port.datatype, port.takes) for port in inputs] == kinds


@pytest.mark.parametrize(
    ("estimator", "table", "takes"),
    [
        (LogisticRegression(), FRAME[["age", "code"]].to_numpy(), "numbers"),
        (make_pipeline(FunctionTransformer(length), LogisticRegression()), FRAME[["text"]].to_numpy(), "any"),
    ],
)
def test_a_matrix_takes_texts_only_where_it_may_hold_them(
    tmp_path: Path, estimator: Any, table: Any, takes: str
) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps(estimator.fit(table, LABELS)))
    (port,) = open_model(str(path), kind="pickle", is_trusted=True).interface.inputs
    assert (port.name, port.takes) == ("X", takes)
