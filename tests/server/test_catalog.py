"""Files that come, change, break and go, while requests go on."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ambidex.artifact import Certificate
from tests.server.models import HOUSES, houses_graph, write_houses, write_model
from tests.server.running import Server, launch, running

QUICK = {"watch_seconds": 0.05}
ROW = {"rows": [{"rooms": 1}]}


def until(condition: Callable[[], bool]) -> None:
    """Waits for what must become true soon."""
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "it never happened"


def replace(folder: Path, slope: float, name: str = "houses") -> None:
    """A new artifact under the old name, in one step."""
    aside = folder / ".aside"
    write_houses(aside, name, slope=slope).replace(folder / f"{name}.ambidex")


def price(server: Server, path: str = "/models/houses/predict") -> float:
    answer = server.post(path, ROW)
    assert answer.status == 200, answer.body
    value: float = answer.json["predictions"][0]["price"]
    return value


def test_a_changed_file_goes_live(tmp_path: Path) -> None:
    write_houses(tmp_path, slope=2)
    with running([tmp_path], QUICK) as server:
        assert price(server) == 2
        replace(tmp_path, 5)
        until(lambda: price(server) == 5)


def test_a_model_that_does_not_answer_as_certified_replaces_nothing(tmp_path: Path) -> None:
    write_houses(tmp_path, slope=2)
    doubled = Certificate(rows={"rooms": [1, 2]}, outputs={"price": [2, 4]}, editions={}, rows_compared=2)
    with running([tmp_path], QUICK) as server:
        aside = write_model(tmp_path / ".aside", HOUSES, houses_graph(slope=3), certificate=doubled)
        aside.replace(tmp_path / "houses.ambidex")
        until(lambda: server.get("/models").json["failures"] != [])
        assert "certified answers for 'price'" in server.get("/models").json["failures"][0]["error"]
        assert price(server) == 2


def test_a_new_file_and_a_new_version_go_live_and_leave(tmp_path: Path) -> None:
    write_houses(tmp_path)
    with running([tmp_path], QUICK) as server:
        write_houses(tmp_path, "castles", slope=9)
        until(lambda: server.get("/models/castles").status == 200)
        shutil.move(write_houses(tmp_path / ".aside", slope=3), tmp_path / ".aside" / "2.ambidex")
        (tmp_path / "villas").mkdir()
        shutil.copy(tmp_path / "houses.ambidex", tmp_path / "villas" / "1.ambidex")
        (tmp_path / ".aside" / "2.ambidex").replace(tmp_path / "villas" / "2.ambidex")
        until(lambda: server.get("/models/villas/versions/2").status == 200)
        assert price(server, "/models/villas/predict") == 3
        assert price(server, "/models/villas/versions/1/predict") == 2
        (tmp_path / "villas" / "2.ambidex").unlink()
        until(lambda: price(server, "/models/villas/predict") == 2)
        (tmp_path / "castles.ambidex").unlink()
        until(lambda: server.get("/models/castles").status == 404)


def test_a_broken_file_replaces_nothing_and_is_reported(tmp_path: Path) -> None:
    write_houses(tmp_path)
    with running([tmp_path], QUICK) as server:
        (tmp_path / "houses.ambidex").write_bytes(b"broken")
        until(lambda: bool(server.get("/models").json["failures"]))
        assert price(server) == 2
        (failure,) = server.get("/models").json["failures"]
        assert failure["path"].endswith("houses.ambidex")
        assert server.get("/v2/health/ready").status == 200
        assert b"ambidex_broken_models 1" in server.get("/metrics").body
        replace(tmp_path, 4)
        until(lambda: price(server) == 4)
        assert server.get("/models").json["failures"] == []


def test_a_broken_file_in_a_folder_is_left_out_at_the_start(tmp_path: Path) -> None:
    write_houses(tmp_path)
    (tmp_path / "broken.ambidex").write_bytes(b"broken")
    with running([tmp_path], QUICK) as server:
        assert price(server) == 2
        (failure,) = server.get("/models").json["failures"]
        assert failure["path"].endswith("broken.ambidex")
        replace(tmp_path, 7, "broken")
        until(lambda: server.get("/models/broken").status == 200)
        assert server.get("/models").json["failures"] == []
        _, _, errors = server.stop()
    assert errors.count('"event":"refused"') == 1


def test_a_broken_file_that_was_asked_for_or_is_alone_ends_the_start(tmp_path: Path) -> None:
    write_houses(tmp_path / "whole")
    broken = tmp_path / "broken.ambidex"
    broken.write_bytes(b"broken")
    for paths in ([tmp_path / "whole", broken], [tmp_path]):
        process = launch(paths)
        output, errors = process.communicate(timeout=30)
        assert (process.returncode, output, errors.count("broken.ambidex")) == (2, "", 1)


def test_no_request_fails_while_models_are_swapped(tmp_path: Path) -> None:
    write_houses(tmp_path, slope=1)
    seen: list[list[float]] = [[], [], []]
    stop = threading.Event()
    problems: list[BaseException] = []

    def ask(prices: list[float]) -> None:
        try:
            while not stop.is_set():
                prices.append(price(server))
        except BaseException as error:  # noqa: BLE001 - reported below
            problems.append(error)

    with running([tmp_path], {"watch_seconds": 0.01}) as server:
        threads = [threading.Thread(target=ask, args=(prices,)) for prices in seen]
        for thread in threads:
            thread.start()
        for slope in range(2, 102):
            replace(tmp_path, slope)
            until(lambda slope=slope: bool(problems) or all(one[-1:] == [slope] for one in seen))  # type: ignore[misc]
        stop.set()
        for thread in threads:
            thread.join()
    assert problems == []
    assert all(prices == sorted(prices) for prices in seen)


def test_control_is_off_unless_asked_for(server: Server) -> None:
    for verb in ("load", "unload"):
        answer = server.post(f"/v2/repository/models/houses/{verb}", {})
        assert (answer.status, list(answer.json)) == (403, ["error"])
    index = server.post("/v2/repository/index", {}).json
    assert {(entry["name"], entry["state"]) for entry in index} == {
        (name, "READY") for name in ("adult", "houses", "oil", "stores")
    }


def test_models_are_unloaded_and_loaded_on_request(tmp_path: Path) -> None:
    write_houses(tmp_path)
    with running([tmp_path], {**QUICK, "allow_control": True}) as server:
        assert server.post("/v2/repository/models/houses/unload", {}).status == 200
        assert server.post("/models/houses/predict", ROW).status == 404
        assert server.get("/v2/health/ready").status == 503
        (entry,) = server.post("/v2/repository/index", b"").json
        assert (entry["state"], entry["reason"]) == ("UNAVAILABLE", "unloaded")
        assert server.post("/v2/repository/index", {"ready": True}).json == []
        time.sleep(0.2)  # several looks at the folder must not bring it back
        assert server.post("/models/houses/predict", ROW).status == 404
        assert server.post("/v2/repository/models/houses/load", {}).status == 200
        assert price(server) == 2


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v2/repository/models/nope/load", {}, 404),
        ("/v2/repository/models/nope/unload", {}, 404),
        ("/v2/repository/models/houses/load", {"parameters": {"config": "{}"}}, 400),
        ("/v2/repository/models/houses/load", {"parameters": 0}, 400),
        ("/v2/repository/models/houses/load", {"parameters": {"file:1/model.onnx": "AAAA"}}, 400),
        ("/v2/repository/models/houses/load", "[]", 400),
        ("/v2/repository/index", {"ready": "yes"}, 400),
    ],
)
def test_control_that_cannot_be_meant_is_refused(tmp_path: Path, path: str, body: object, status: int) -> None:
    write_houses(tmp_path)
    with running([tmp_path], {"allow_control": True}) as server:
        answer = server.post(path, body)
        assert (answer.status, list(answer.json)) == (status, ["error"])
