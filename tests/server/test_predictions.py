"""The prediction log: what was asked and answered by any protocol, in a file that SQLite reads."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ambidex.errors import OutputFileError
from ambidex.runtime.repository import Model, file_place, load_model
from ambidex.server import predictions
from ambidex.server.predictions import PredictionLog
from tests.server.models import write_houses, write_oil
from tests.server.running import Server, launch, running

MIB = 1024 * 1024


class Asked:
    request_id = b"r-1"
    started = 0.0


def lines(path: Path) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(path)
    try:
        found = connection.execute(
            "SELECT request, position, model, version, inputs, outputs FROM predictions ORDER BY rowid"
        ).fetchall()
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    finally:
        connection.close()
    return [(*line[:4], json.loads(line[4]), json.loads(line[5])) for line in found]


def ask_in_every_protocol(server: Server) -> None:
    rows = {"rows": [{"rooms": 1}, {"rooms": None}]}
    tensor = {"name": "rooms", "shape": [1], "datatype": "FP64", "data": [5]}
    identified = {"X-Request-Id": "mine"}
    assert server.ask("POST", "/models/houses/predict", rows, identified).status == 200
    assert server.ask("POST", "/v2/models/houses/infer", {"inputs": [tensor]}, identified).status == 200
    assert server.ask("POST", "/v1/models/houses:predict", {"instances": [{"rooms": 6}]}, identified).status == 200
    large = {"rows": [{"rooms": 7}] * 6000}
    assert server.ask("POST", "/models/houses/predict", large, identified).status == 200


def test_every_answered_row_is_written_whatever_the_protocol(tmp_path: Path) -> None:
    write_houses(tmp_path)
    path = tmp_path / "log.sqlite"
    with running([tmp_path], {"log_predictions": str(path)}) as server:
        ask_in_every_protocol(server)
        assert server.post("/models/houses/predict", {"rows": [{"wrong": 1}]}).status == 422
        assert server.stop() == (0, "", "")
    found = lines(path)
    assert found[:4] == [
        ("mine", 0, "houses", 1, {"rooms": 1.0}, {"price": 2.0}),
        ("mine", 1, "houses", 1, {"rooms": None}, {"price": None}),
        ("mine", 0, "houses", 1, {"rooms": 5.0}, {"price": 10.0}),
        ("mine", 0, "houses", 1, {"rooms": 6.0}, {"price": 12.0}),
    ]
    assert [line[1] for line in found[4:]] == list(range(6000))
    assert {str(line[4:]) for line in found[4:]} == {"({'rooms': 7.0}, {'price': 14.0})"}


def test_series_of_several_lengths_keep_their_places(tmp_path: Path) -> None:
    write_oil(tmp_path)
    path = tmp_path / "log.sqlite"

    def series(steps: int) -> Mapping[str, object]:
        days = [f"2024-01-01T0{hour}:00:00" for hour in range(steps)]
        return {"history": [{"date": day, "HUFL": 1, "OT": steps} for day in days]}

    with running([tmp_path], {"log_predictions": str(path)}) as server:
        assert server.post("/models/oil/predict", {"series": [series(5), series(4), series(5)]}).status == 200
        assert server.stop() == (0, "", "")
    found = sorted(lines(path), key=lambda line: line[1])
    assert [(line[1], len(line[4]["history"]), line[5]["OT"][0]) for line in found] == [(0, 5, 6), (1, 4, 5), (2, 5, 6)]


def test_several_processes_write_one_file(tmp_path: Path) -> None:
    write_houses(tmp_path)
    path = tmp_path / "log.sqlite"
    with running([tmp_path], {"log_predictions": str(path), "processes": 2}) as server:
        for room in range(30):
            assert server.post("/models/houses/predict", {"rows": [{"rooms": room}]}).status == 200
        assert server.stop() == (0, "", "")
    assert sorted(line[4]["rooms"] for line in lines(path)) == list(range(30))


@pytest.fixture
def model(tmp_path: Path) -> Model:
    return load_model(file_place(str(write_houses(tmp_path))))


def note(log: PredictionLog, model: Model, rows: int) -> None:
    feeds = model.predictor.pack_rows([{"rooms": 3.0}] * rows)
    log.note(Asked(), model, feeds, (model.predictor.predict_packed(feeds), 0, range(rows)))


def test_the_oldest_rows_go_at_the_limit(tmp_path: Path, model: Model) -> None:
    path = tmp_path / "log.sqlite"
    for _ in range(40):
        log = PredictionLog(str(path), limit_bytes=MIB, complain=lambda fields: None)
        note(log, model, 1000)
        log.close()
    assert path.stat().st_size < 1.3 * MIB
    connection = sqlite3.connect(path)
    first, last, count = connection.execute("SELECT min(rowid), max(rowid), count(*) FROM predictions").fetchone()
    connection.close()
    assert (last, count) == (40_000, last - first + 1)
    assert count > 2000


def test_what_waits_too_long_is_dropped_and_counted(
    tmp_path: Path, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predictions, "MAX_ROWS", 10)
    log = PredictionLog(str(tmp_path / "log.sqlite"), limit_bytes=MIB, complain=lambda fields: None)
    note(log, model, 11)
    note(log, model, 10)
    log.close()
    assert (log.dropped.values, log.logged.values) == ({(): 11}, {(): 10})


def test_a_file_that_cannot_be_written_any_more_stops_nothing_and_is_said_once(tmp_path: Path, model: Model) -> None:
    complaints: list[Mapping[str, object]] = []
    path = tmp_path / "folder" / "log.sqlite"
    path.parent.mkdir()
    log = PredictionLog(str(path), limit_bytes=MIB, complain=complaints.append)
    for file in path.parent.iterdir():
        file.unlink()
    path.parent.rmdir()
    note(log, model, 1)
    note(log, model, 2)
    log.close()
    assert log.dropped.values == {(): 3}
    assert [line["event"] for line in complaints] == ["prediction log"]


def test_a_place_that_is_no_log_is_refused_at_once(tmp_path: Path) -> None:
    write_houses(tmp_path)
    other = tmp_path / "other.sqlite"
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE predictions (something)")
    connection.close()
    text = tmp_path / "notes.txt"
    text.write_text("nothing of SQLite's, and long enough to be looked at " * 30, encoding="ascii")
    for path in (other, text, tmp_path / "none" / "log.sqlite", tmp_path, tmp_path / "log.parquet"):
        with pytest.raises(OutputFileError, match="an SQLite file to write"):
            PredictionLog(str(path), limit_bytes=MIB, complain=lambda fields: None)
    process = launch([tmp_path], {"log_predictions": str(text), "processes": 2})
    output, errors = process.communicate(timeout=30)
    assert (process.returncode, output, errors.count("an SQLite file to write")) == (2, "", 1)
    assert text.read_text(encoding="ascii").startswith("nothing of SQLite's")
    assert not (tmp_path / "log.parquet").exists()
