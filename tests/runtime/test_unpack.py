"""Rows and series that were packed, back as people write them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.server.models import write_adult, write_oil, write_stores

from ambidex.runtime.predictor import Predictor
from ambidex.runtime.repository import file_place, load_model
from ambidex.runtime.unpack import told, unpacked
from ambidex.schema import parse_value

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8).map(str.strip)
ROW = st.fixed_dictionaries(
    {
        "age": st.none() | st.floats(allow_nan=False, allow_infinity=False),
        "hours-per-week": st.none() | st.integers(-(2**50), 2**50).map(float),
        "workclass": TEXTS.map(lambda text: text or None),
        "member": st.none() | st.booleans(),
        "since": st.none() | st.datetimes().map(lambda moment: moment.isoformat()),
    }
)


def predictor_of(path: Path) -> Predictor:
    return load_model(file_place(str(path))).predictor


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(rows=st.lists(ROW, min_size=1, max_size=4))
def test_rows_come_back_as_they_were_packed(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    path = tmp_path / "adult.ambidex"
    predictor = predictor_of(path if path.exists() else write_adult(tmp_path))
    assert unpacked(predictor, predictor.pack_rows(rows), len(rows)) == rows


def test_a_series_comes_back_with_its_future_and_its_static_columns(tmp_path: Path) -> None:
    predictor = predictor_of(write_stores(tmp_path))
    series = {
        "history": [{"sold": 1.0, "holiday": False}, {"sold": None, "holiday": None}],
        "future": [{"holiday": True}, {"holiday": None}],
        "static": {"size": 7.0},
    }
    assert predictor.series is not None
    windows = [predictor.series.read(series, parse_value, "series[0]")] * 2
    ((_, feeds),) = predictor.series.groups(windows)
    assert unpacked(predictor, feeds, 2) == [series, series]


def test_forecasts_are_told_one_by_one(tmp_path: Path) -> None:
    predictor = predictor_of(write_oil(tmp_path))
    steps = [{"date": f"2024-01-01T0{hour}:00:00", "HUFL": 1.0, "OT": float(hour)} for hour in range(4)]
    assert predictor.series is not None
    windows = [predictor.series.read({"history": steps}, parse_value, "series[0]")] * 2
    ((_, feeds),) = predictor.series.groups(windows)
    assert unpacked(predictor, feeds, 2) == [{"history": steps}] * 2
    answers = told(predictor, predictor.predict_packed(feeds), 1, 2)
    assert answers == [{"OT": [4.0, 5.0, 6.0], "OT_q0.1": [0.5] * 3, "OT_q0.9": [2.5] * 3}]


def test_some_of_the_outputs_are_told_by_their_names(tmp_path: Path) -> None:
    predictor = predictor_of(write_adult(tmp_path))
    row = {"age": 99, "hours-per-week": 0, "workclass": None, "member": False, "since": "2020-01-31"}
    feeds = predictor.pack_rows([row, row])
    assert told(predictor, predictor.predict_packed(feeds, wanted=["income"]), 1, 2) == [{"income": ">50K"}]
    ((name, chances),) = told(predictor, predictor.predict_packed(feeds, wanted=["income_probabilities"]), 0, 1)[
        0
    ].items()
    assert (name, len(chances)) == ("income_probabilities", 2)
