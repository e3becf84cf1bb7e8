"""Small models of other libraries, and rows of the kind they were fitted on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

NUMBERS = ["a", "b", "c"]


def frame(rows: int = 120) -> pd.DataFrame:
    """Three numbers and a text, a class `y` and a number `z` that depend on them."""
    rng = np.random.default_rng(0)
    made = pd.DataFrame(rng.normal(size=(rows, 3)), columns=NUMBERS)
    made["t"] = rng.choice(["u", "v", "w"], rows)
    made["y"] = np.where(made.a + (made.t == "u") > 0, "yes", "no")
    made["z"] = 3 * made.a + made.b**2
    return made


def pipeline(last: Any) -> Pipeline:
    """Columns by name: numbers imputed and scaled, the text one-hot."""
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    texts = OneHotEncoder(handle_unknown="ignore")
    return make_pipeline(ColumnTransformer([("n", numbers, NUMBERS), ("t", texts, ["t"])]), last)
