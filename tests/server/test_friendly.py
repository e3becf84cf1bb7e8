"""Rows and series by name in, predictions and forecasts out; whatever does not fit is refused with its place."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from tests.server.running import Server

ROW: dict[str, Any] = {
    "age": 39,
    "hours-per-week": 40,
    "workclass": "Private",
    "member": True,
    "since": "2020-01-31",
}
STAMPS = [f"2024-01-01T{hour:02d}:00:00" for hour in range(12)]
HISTORY = [{"date": stamp, "HUFL": 1.0, "OT": float(step)} for step, stamp in enumerate(STAMPS)]


def sigmoid(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))


def predict(server: Server, rows: object, model: str = "adult") -> Any:
    answer = server.post(f"/models/{model}/predict", {"rows": rows})
    assert answer.status == 200, answer.body
    return answer.json["predictions"]


def refused(server: Server, body: object, model: str = "adult", *, status: int = 422) -> dict[str, str]:
    answer = server.post(f"/models/{model}/predict", body)
    assert answer.status == status, answer.body
    assert answer.headers["content-type"] == "application/json"
    error: dict[str, str] = answer.json["error"]
    assert set(error) == {"code", "message", "where"}
    return error


def test_a_row_gets_its_label_and_probabilities(server: Server) -> None:
    high = sigmoid(3.9 + 0.4 + 5 + 1 - 8)
    (prediction,) = predict(server, [ROW])
    assert prediction == {"income": ">50K", "probabilities": pytest.approx({"<=50K": 1 - high, ">50K": high})}


def test_columns_come_in_any_order_and_rows_keep_theirs(server: Server) -> None:
    rows = [dict(reversed(ROW.items())) | {"age": age} for age in (10, 90, 20)]
    predictions = predict(server, rows)
    expected = [sigmoid(age / 10 + 0.4 + 5 + 1 - 8) for age in (10, 90, 20)]
    assert [row["probabilities"][">50K"] for row in predictions] == pytest.approx(expected)


def test_a_thousand_rows_are_answered_like_one(server: Server) -> None:
    rows = [ROW | {"age": age % 90} for age in range(1000)]
    assert predict(server, rows)[7:9] == predict(server, rows[7:9])


@pytest.mark.parametrize(
    ("change", "logit"),
    [
        ({"age": None}, 0.4 + 5 + 1 - 8),
        ({"member": None}, 3.9 + 0.4 + 1 - 8),
        ({"member": False}, 3.9 + 0.4 + 1 - 8),
        ({"member": 1}, 3.9 + 0.4 + 5 + 1 - 8),
        ({"member": 0.0}, 3.9 + 0.4 + 1 - 8),
        ({"workclass": None}, 3.9 + 0.4 + 5 - 8),
        ({"workclass": "never seen"}, 3.9 + 0.4 + 5 - 8),
        ({"workclass": " Private "}, 3.9 + 0.4 + 5 + 1 - 8),
        ({"workclass": "Önnu 漢字"}, 3.9 + 0.4 + 5 - 8),
        ({"since": None}, 3.9 + 0.4 + 5 + 1 - 8 - 1),
        ({"since": 1_580_428_800_000_000}, 3.9 + 0.4 + 5 + 1 - 8),
        ({"since": 1_580_428_800_000_000.0}, 3.9 + 0.4 + 5 + 1 - 8),
        ({"since": "2020-01-31T12:00:00+02:00"}, 3.9 + 0.4 + 5 + 1 - 8),
    ],
)
def test_each_kind_of_value_is_understood(server: Server, change: dict[str, object], logit: float) -> None:
    for rows in ([ROW | change], [ROW, ROW | change]):
        assert predict(server, rows)[-1]["probabilities"][">50K"] == pytest.approx(sigmoid(logit))


def test_a_regression_answers_a_number(server: Server) -> None:
    assert predict(server, [{"rooms": 3}, {"rooms": 0.5}], "houses") == [{"price": 6.0}, {"price": 1.0}]


def test_a_missing_number_in_an_answer_is_null(server: Server) -> None:
    assert predict(server, [{"rooms": None}], "houses") == [{"price": None}]


def test_no_rows_get_no_predictions(server: Server) -> None:
    assert predict(server, []) == []


@pytest.mark.parametrize(
    ("change", "code", "where"),
    [
        ({"age": "39"}, "wrong_type", "rows[1].age"),
        ({"age": True}, "wrong_type", "rows[1].age"),
        ({"age": [39]}, "wrong_type", "rows[1].age"),
        ({"workclass": 5}, "wrong_type", "rows[1].workclass"),
        ({"workclass": {"a": 1}}, "wrong_type", "rows[1].workclass"),
        ({"workclass": "a\0b"}, "out_of_range", "rows[1].workclass"),
        ({"member": 2}, "wrong_type", "rows[1].member"),
        ({"member": "yes"}, "wrong_type", "rows[1].member"),
        ({"since": "yesterday"}, "wrong_type", "rows[1].since"),
        ({"since": ""}, "wrong_type", "rows[1].since"),
        ({"since": "nan"}, "wrong_type", "rows[1].since"),
        ({"since": 1.5}, "wrong_type", "rows[1].since"),
        ({"since": False}, "wrong_type", "rows[1].since"),
        ({"since": 10**17 * 9}, "out_of_range", "rows[1].since"),
        ({"since": 10**40}, "out_of_range", "rows[1].since"),
        ({"hours-per-week": "x"}, "wrong_type", "rows[1].hours-per-week"),
        ({"agee": 1}, "unknown_column", "rows[1].agee"),
        ({"hours per week": 1}, "unknown_column", 'rows[1]["hours per week"]'),
        ({"income": ">50K"}, "unknown_column", "rows[1].income"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_its_place(
    server: Server, change: dict[str, object], code: str, where: str
) -> None:
    error = refused(server, {"rows": [ROW, ROW | change]})
    assert (error["code"], error["where"]) == (code, where)
    assert error["message"].startswith("Expected ")
    assert where in error["message"]


def test_a_misspelt_column_is_refused_with_the_nearest_name(server: Server) -> None:
    row = {("wrokclass" if name == "workclass" else name): value for name, value in ROW.items()}
    assert "Did you mean 'workclass'?" in refused(server, {"rows": [row]})["message"]


def test_a_missing_column_is_named(server: Server) -> None:
    row = {name: value for name, value in ROW.items() if name != "member"}
    error = refused(server, {"rows": [ROW, ROW, row]})
    assert (error["code"], error["where"]) == ("missing_column", "rows[2].member")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ("", 400, "malformed_json"),
        ("{oops", 400, "malformed_json"),
        ('{"rows": [{"age": NaN}]}', 400, "malformed_json"),
        ('{"rows": []} x', 400, "malformed_json"),
        (b'{"rows": [{"workclass": "\xff"}]}', 400, "malformed_json"),
        (b'{"rows": [{"\xff": 1}]}', 400, "malformed_json"),
        ('{"rows": [{"workclass": "\\ud800"}]}', 400, "malformed_json"),
        ("[" * 5000 + "]" * 5000, 400, "malformed_json"),
        ('{"rows": ' + "[" * 5000 + "]" * 5000 + "}", 400, "malformed_json"),
        ('{"rows": [{"age": 1e999}]}', 422, "out_of_range"),
        ("null", 422, "wrong_type"),
        ("[]", 422, "wrong_type"),
        ("{}", 422, "missing_member"),
        ('{"rows": {}}', 422, "wrong_type"),
        ('{"rows": [1]}', 422, "wrong_type"),
        ('{"rows": [], "extra": 1}', 422, "unknown_member"),
        ('{"series": []}', 422, "unknown_member"),
    ],
)
def test_a_body_of_another_form_is_refused(server: Server, body: str | bytes, status: int, code: str) -> None:
    assert refused(server, body, status=status)["code"] == code


def test_a_number_too_large_is_refused_with_its_place(server: Server) -> None:
    body = json.dumps({"rows": [ROW, ROW]}).replace(
        '"age": 39, "hours-per-week": 40', '"age": 39, "hours-per-week": 1e999'
    )
    assert refused(server, body)["where"] == "rows[0].hours-per-week"


def test_an_unknown_model_or_version_is_404(server: Server) -> None:
    error = server.post("/models/adlut/predict", {"rows": []})
    assert (error.status, error.json["error"]["code"]) == (404, "no_such_model")
    assert "Did you mean 'adult'?" in error.json["error"]["message"]
    for version in ("2", "x", "-1", "9" * 40, "%C2%B2"):
        path = f"/models/adult/versions/{version}/predict"
        assert server.post(path, {"rows": []}).status == 404
    assert server.post("/models/adult/versions/1/predict", {"rows": []}).status == 200


def test_a_forecast_has_times_values_and_quantiles(server: Server) -> None:
    answer = server.post("/models/oil/predict", {"series": [{"history": HISTORY[:4]}, {"history": HISTORY[:5]}]})
    assert answer.status == 200, answer.body
    first, second = answer.json["forecasts"]
    assert first == {
        "time": STAMPS[4:7],
        "OT": [4.0, 5.0, 6.0],
        "OT_q0.1": [0.5, 0.5, 0.5],
        "OT_q0.9": [2.5, 2.5, 2.5],
    }
    assert second["time"] == STAMPS[5:8]
    assert second["OT"] == [5.0, 6.0, 7.0]


def test_only_the_last_window_of_a_longer_history_is_read(server: Server) -> None:
    answer = server.post("/models/oil/predict", {"series": [{"history": HISTORY}]})
    (forecast,) = answer.json["forecasts"]
    assert forecast["OT_q0.1"][0] == pytest.approx(sum(range(4, 12)) / 8 - 1)


@pytest.mark.parametrize(
    ("series", "code", "where"),
    [
        ({"history": HISTORY[:3]}, "history_too_short", "series[0].history"),
        ({"history": []}, "history_too_short", "series[0].history"),
        ({"history": 3}, "wrong_type", "series[0].history"),
        ({"history": [*HISTORY[:5], 7]}, "wrong_type", "series[0].history[5]"),
        ({}, "missing_member", "series[0].history"),
        ({"history": HISTORY, "futur": []}, "unknown_member", "series[0].futur"),
        ({"history": HISTORY, "future": [{"x": 1}]}, "unknown_column", "series[0].future[0].x"),
        ({"history": [*HISTORY[:4], HISTORY[4] | {"OT": "x"}]}, "wrong_type", "series[0].history[4].OT"),
        ({"history": [*HISTORY[:4], HISTORY[2]]}, "wrong_order", "series[0].history[4].date"),
        ({"history": [HISTORY[0] | {"date": None}, *HISTORY[1:6]]}, "wrong_order", "series[0].history[0].date"),
        (
            {"history": [*HISTORY[:4], HISTORY[4] | {"date": "9999-12-31T23:00:00"}]},
            "out_of_range",
            "series[0].history",
        ),
    ],
)
def test_a_series_that_does_not_fit_is_refused_with_its_place(
    server: Server, series: dict[str, object], code: str, where: str
) -> None:
    error = refused(server, {"series": [series]}, "oil")
    assert (error["code"], error["where"]) == (code, where)


def test_a_known_future_and_static_values_reach_the_model(server: Server) -> None:
    one: dict[str, Any] = {
        "history": [{"sold": sold, "store": "a", "holiday": 0} for sold in (1, 5)],
        "future": [{"holiday": False}, {"holiday": True}],
        "static": {"size": 100},
    }
    answer = server.post("/models/stores/predict", {"series": [one]})
    assert answer.json["forecasts"] == [{"store": "a", "time": [], "sold": [105.0, 115.0]}]
    error = refused(server, {"series": [one | {"future": []}]}, "stores")
    assert (error["code"], error["where"]) == ("wrong_future", "series[0].future")
    del one["static"]
    assert refused(server, {"series": [one]}, "stores")["where"] == "series[0].static.size"


def test_models_are_listed_and_described_with_an_example_that_works(server: Server) -> None:
    names = [model["name"] for model in server.get("/models").json["models"]]
    assert names == ["adult", "houses", "oil", "stores"]
    for name in names:
        description = server.get(f"/models/{name}").json
        assert {column["name"] for column in description["schema"]["columns"]}
        assert server.post(description["predict"], description["example"]).status == 200
    assert server.get("/models/adult").json["card"] == "# Adult\n"
