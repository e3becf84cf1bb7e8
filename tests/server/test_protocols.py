"""What holds whichever protocol a request comes by: limits, metrics, statistics."""

from __future__ import annotations

from pathlib import Path

from tests.server.models import write_houses
from tests.server.running import running


def test_more_rows_than_allowed_are_refused_by_every_protocol(tmp_path: Path) -> None:
    tensor = {"name": "rooms", "shape": [4], "datatype": "FP64", "data": [1, 2, 3, 4]}
    rows = [{"rooms": rooms} for rooms in range(4)]
    with running([write_houses(tmp_path)], {"limits": {"rows": 3}}) as server:
        for path, body in (
            ("/models/houses/predict", {"rows": rows}),
            ("/v2/models/houses/infer", {"inputs": [tensor]}),
            ("/v1/models/houses:predict", {"instances": rows}),
            ("/v1/models/houses:predict", {"inputs": {"rooms": [1, 2, 3, 4]}}),
            ("/v1/models/houses:regress", {"examples": rows}),
        ):
            answer = server.post(path, body)
            assert answer.status == 413, answer.body
            assert b"at most 3 rows" in answer.body


def test_statistics_and_rows_count_every_protocol(tmp_path: Path) -> None:
    tensor = {"name": "rooms", "shape": [2], "datatype": "FP64", "data": [1, 2]}
    many = [{"rooms": 1.5}] * 6000  # more than is decoded in the event loop
    with running([write_houses(tmp_path)]) as server:
        server.post("/models/houses/predict", {"rows": [{"rooms": 1}]})
        server.post("/v2/models/houses/infer", {"inputs": [tensor]})
        server.post("/v1/models/houses:predict", {"instances": many})
        (found,) = server.get("/v2/models/houses/stats").json["model_stats"]
        assert (found["inference_count"], found["execution_count"]) == (6003, 3)
        assert b'ambidex_rows_total{model="houses"} 6003' in server.get("/metrics").body
