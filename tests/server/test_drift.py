"""Live columns and answers beside those of training."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ambidex.artifact.profile import ColumnProfile, Profile
from ambidex.runtime.repository import file_place, load_model
from ambidex.server.drift import ENOUGH, ROWS_PER_RUN, ROWS_PER_S, Drift, merged, report, stability_index, verdict
from tests.server.models import AGE, PROFILE, WORK, write_houses, write_oil, write_watched
from tests.server.running import Server, running


@pytest.fixture
def drift(tmp_path: Path) -> Drift:
    model = load_model(file_place(str(write_watched(tmp_path))))
    assert model.profile == PROFILE
    found = Drift(model.predictor, model.profile)
    model.predictor.observe = found.observe
    return found


def row(**values: object) -> dict[str, object]:
    return {"age": 20, "hours-per-week": 1, "workclass": "Private", "member": False, "since": None} | values


def predict(drift: Drift, folder: Path, rows: list[dict[str, object]]) -> None:
    model = load_model(file_place(str(folder / "adult.ambidex")))
    model.predictor.observe = drift.observe
    for start in range(0, len(rows), ROWS_PER_RUN):
        model.predictor.predict_packed(model.predictor.pack_rows(rows[start : start + ROWS_PER_RUN]))
        drift.digest()


def test_the_index_is_the_sum_of_the_papers() -> None:
    live, reference = (0.5, 0.2, 0.3), (0.3, 0.4, 0.3)
    expected = sum((a - b) * math.log(a / b) for a, b in zip(live, reference, strict=True))
    assert stability_index(AGE, [500, 200, 300, 0]) == pytest.approx(expected)


def test_the_same_spread_has_index_zero_and_an_empty_bin_a_finite_one() -> None:
    assert stability_index(AGE, [300, 400, 300, 0]) == 0
    assert stability_index(AGE, [0, 0, 0, 0]) < 10
    assert 5 < stability_index(AGE, [0, 0, 0, 1000]) < 100


def test_an_honest_sample_is_stable_with_enough_rows() -> None:
    shares = [one * 0.9 for one in WORK.shares] + [WORK.missing]
    drawn = random.Random(0).choices(range(4), shares, k=ENOUGH)
    assert verdict(stability_index(WORK, [drawn.count(place) for place in range(4)])) == "stable"


def test_verdicts_change_at_the_usual_bounds() -> None:
    assert [verdict(index) for index in (0, 0.099, 0.1, 0.249, 0.25)] == [
        "stable",
        "stable",
        "moving",
        "moving",
        "shifted",
    ]


def test_values_fall_into_the_bins_they_were_counted_in(tmp_path: Path, drift: Drift) -> None:
    rows = [
        row(age=30, workclass="Private"),
        row(age=30.1, workclass="State-gov"),
        row(age=99, workclass="never seen"),
        row(age=None, workclass=None),
    ]
    predict(drift, tmp_path, rows)
    counts = drift.counts()
    assert counts["rows"] == 4
    assert counts["inputs"] == {"age": [1, 1, 1, 1], "workclass": [1, 1, 1, 1]}
    assert counts["outputs"] == {"income": [3, 1, 0, 0]}  # ten years are a point, and 99 is more than 80


def test_a_second_takes_only_its_share_of_rows(tmp_path: Path, drift: Drift) -> None:
    model = load_model(file_place(str(tmp_path / "adult.ambidex")))
    model.predictor.observe = drift.observe
    feeds = model.predictor.pack_rows([row(age=age) for age in range(1000)])
    for _ in range(50):
        model.predictor.predict_packed(feeds)
    counts = drift.counts()
    assert counts["rows"] == ROWS_PER_S
    # Evenly spread over the run, not its first rows.
    assert counts["inputs"]["age"][2] > ROWS_PER_S * 0.9


def test_processes_add_up(tmp_path: Path, drift: Drift) -> None:
    predict(drift, tmp_path, [row()] * 3)
    both = merged([drift.counts(), drift.counts()])
    assert (both["rows"], both["inputs"]["age"]) == (6, [6, 0, 0, 0])


def test_a_report_waits_for_enough_rows_and_names_the_furthest_first(tmp_path: Path, drift: Drift) -> None:
    predict(drift, tmp_path, [row()] * (ENOUGH - 1))
    early = report(PROFILE, drift.counts())
    assert {column["state"] for column in early["inputs"]} == {"waiting"}
    predict(drift, tmp_path, [row()])
    late = report(PROFILE, drift.counts())
    assert [(column["name"], column["state"]) for column in late["inputs"]] == [
        ("age", "shifted"),
        ("workclass", "shifted"),
    ]
    assert late["inputs"][0]["bins"] == ["up to 30", "30 to 50", "over 50", "missing"]
    assert late["inputs"][0]["live"] == [1.0, 0.0, 0.0, 0.0]
    assert late["outputs"][0]["state"] == "stable"


def test_a_forecaster_is_watched_by_its_last_step_and_its_first(tmp_path: Path) -> None:
    model = load_model(file_place(str(write_oil(tmp_path))))
    spread = ColumnProfile(kind="number", edges=(2.5, 3.5), shares=(0.5, 0.25, 0.25))
    drift = Drift(model.predictor, Profile(rows=4, inputs={"OT": spread}, outputs={"OT": spread}))
    model.predictor.observe = drift.observe
    steps = [{"date": f"2024-01-01T0{hour}:00:00", "HUFL": 1.0, "OT": float(hour)} for hour in range(4)]
    assert model.predictor.series is not None
    from ambidex.schema import parse_value

    windows = [model.predictor.series.read({"history": steps}, parse_value, "series[0]")]
    model.predictor.predict_windows(windows)
    assert drift.counts()["inputs"] == {"OT": [0, 1, 0, 0]}
    assert drift.counts()["outputs"] == {"OT": [0, 0, 1, 0]}


def test_a_profile_of_something_else_is_left_aside(tmp_path: Path) -> None:
    strange = Profile(rows=1, inputs={"age": WORK, "nobody": AGE, "workclass": WORK}, outputs={"income": AGE})
    model = load_model(file_place(str(write_watched(tmp_path, strange))))
    assert model.profile is not None
    drift = Drift(model.predictor, model.profile)
    assert (list(drift.profile.inputs), list(drift.profile.outputs)) == (["workclass"], [])


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("drift")
    write_watched(folder)
    write_houses(folder)
    with running([folder], {"processes": 2}) as server:
        yield server


def test_the_server_shows_the_window_of_all_processes(watched: Server) -> None:
    body: Any = {"rows": [row()] * 20}
    asked = 0
    while watched.get("/models/adult/drift").json["rows"] < ENOUGH:
        assert watched.post("/models/adult/predict", body).status == 200
        asked += 1
        assert asked < 20_000
    answer = watched.get("/models/adult/versions/1/drift").json
    assert (answer["model"], answer["version"], answer["has_reference"]) == ("adult", 1, True)
    assert [(column["name"], column["state"]) for column in answer["inputs"]] == [
        ("age", "shifted"),
        ("workclass", "shifted"),
    ]
    page = watched.get("/metrics").body.decode()
    rows = re.findall(r'ambidex_drift_rows\{model="adult",version="1",process="(\d)"\} (\d+)', page)
    assert sum(int(count) for _, count in rows) >= ENOUGH


def test_answers_that_nobody_asked_for_are_watched_too(tmp_path: Path) -> None:
    write_watched(tmp_path)
    names = ["age", "hours-per-week", "workclass", "member", "since"]
    values: list[Any] = [20, 1, "Private", False, ""]
    kinds = ["FP64", "INT64", "BYTES", "BOOL", "BYTES"]
    inputs = [
        {"name": name, "datatype": kind, "shape": [20], "data": [value] * 20}
        for name, kind, value in zip(names, kinds, values, strict=True)
    ]
    body = {"inputs": inputs, "outputs": [{"name": "income_probabilities"}]}
    with running([tmp_path]) as server:
        while server.get("/models/adult/drift").json["rows"] < ENOUGH:
            answer = server.post("/v2/models/adult/infer", body)
            assert [output["name"] for output in answer.json["outputs"]] == ["income_probabilities"]
        (income,) = server.get("/models/adult/drift").json["outputs"]
    assert sum(income["live"]) == pytest.approx(1)


def test_a_model_without_a_reference_says_so(watched: Server) -> None:
    answer = watched.get("/models/houses/drift").json
    assert answer["has_reference"] is False
    assert "Train it again" in answer["message"]
    assert watched.get("/models/nope/drift").status == 404


def test_metrics_have_an_index_per_column(tmp_path: Path) -> None:
    write_watched(tmp_path)
    with running([tmp_path]) as server:
        assert "ambidex_drift_psi{" not in server.get("/metrics").body.decode()
        while server.get("/models/adult/drift").json["rows"] < ENOUGH:
            server.post("/models/adult/predict", {"rows": [row(age=None)] * 20})
        page = server.get("/metrics").body.decode()
    line = re.search(r'ambidex_drift_psi\{model="adult",version="1",part="input",column="age"\} ([0-9.]+)', page)
    assert line is not None
    assert float(line[1]) > 1
    assert 'part="output",column="income"' in page
