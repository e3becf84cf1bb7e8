"""Small pickled estimators: well-behaved ones, and one that does what a test asks of it."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tests.server.foreign.obedient import Obedient


def write_obedient(path: Path, *, factor: float = 2.0) -> Path:
    """A model with one input, `X` of two columns, and one output, `predict`; written in one step."""
    aside = path.with_name(f".{path.name}")
    aside.write_bytes(pickle.dumps(Obedient(factor)))
    return aside.replace(path)


def adult_pipeline() -> tuple[Any, pd.DataFrame]:
    """A classifier of rows with a number and a text, and the rows it was fitted on."""
    generator = np.random.default_rng(0)
    frame = pd.DataFrame({"age": generator.integers(20, 60, 80) * 1.0, "work": generator.choice(["a", "b"], 80)})
    columns = [("n", StandardScaler(), ["age"]), ("t", OneHotEncoder(handle_unknown="ignore"), ["work"])]
    pipeline = make_pipeline(ColumnTransformer(columns), LogisticRegression())
    return pipeline.fit(frame, np.where(frame["age"] > 40, "old", "young")), frame


class Hostile:
    """What a pickle can do: reading it calls `function`."""

    def __init__(self, function: Any, *arguments: object) -> None:
        self._call = (function, arguments)

    def __reduce__(self) -> Any:
        return self._call


def write_hostile(path: Path, function: Any, *arguments: object) -> Path:
    """A pickle that calls a function when it is read."""
    path.write_bytes(pickle.dumps(Hostile(function, *arguments)))
    return path
