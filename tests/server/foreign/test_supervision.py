"""Processes of foreign models that load late, die, hang, are replaced, and end: only their own requests notice."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.foreign.models import write_hostile, write_obedient
from tests.server.foreign.obedient import DAWDLE, DIE, HANG
from tests.server.foreign.processes import is_running, workers_of
from tests.server.models import write_houses
from tests.server.running import Answer, Server, running
from tests.server.test_catalog import price, until
from tests.server.test_serve import HEAVY

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")


def ask(server: Server, first: float = 1.0, *, model: str = "obedient") -> Answer:
    return server.post(f"/models/{model}/predict", {"rows": [{"X": [first, 2]}]})


def code(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.json["error"]["code"]


def factor(server: Server) -> float:
    answer = ask(server)
    assert answer.status == 200, answer.body
    value: float = answer.json["predictions"][0]["predict"][0]
    return value


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    paths = [write_houses(tmp_path), write_obedient(tmp_path / "obedient.pkl")]
    with running(paths, {"trust": True, "limits": {"worker_time": 1.5}}) as started:
        yield started


def test_nothing_is_loaded_before_it_is_asked_for_and_nothing_in_the_server_ever(tmp_path: Path) -> None:
    model = write_obedient(tmp_path / "obedient.pkl")
    with running([model], {"trust": True, "log_requests": True}) as server:
        assert server.get("/models").json["models"][0]["state"] == "idle"
        assert server.get("/v2/health/ready").status == 200
        assert workers_of(server) == []
        assert ask(server).json == {"predictions": [{"predict": [2.0, 4.0]}]}
        assert len(workers_of(server)) == 1
        status, output, _ = server.stop()
    assert status == 0
    assert "msgspec" in output.split()
    assert not set(output.split()) & HEAVY


def test_asking_whether_it_is_ready_begins_to_load_it(server: Server) -> None:
    first = server.get("/v2/models/obedient/ready")
    assert (first.status, first.json["ready"]) == (503, False)
    until(lambda: server.get("/v2/models/obedient/ready").status == 200)
    state = server.get("/v1/models/obedient").json["model_version_status"][0]["state"]
    assert state == "AVAILABLE"


def test_who_waits_too_long_is_told_when_to_come_back(tmp_path: Path) -> None:
    model = write_obedient(tmp_path / "obedient.pkl")
    with running([model], {"trust": True, "limits": {"worker_wait": 0.05}}) as server:
        answer = ask(server)
        assert code(answer) == (503, "not_ready")
        assert int(answer.headers["retry-after"]) >= 1
        until(lambda: ask(server).status == 200)


def test_a_killed_process_costs_only_its_own_requests_and_is_back(server: Server) -> None:
    assert ask(server).status == 200
    others: list[int] = []
    stop = threading.Event()

    def ask_another_model() -> None:
        while not stop.is_set():
            others.append(server.post("/models/houses/predict", {"rows": [{"rooms": 1}]}).status)

    thread = threading.Thread(target=ask_another_model)
    thread.start()
    os.kill(workers_of(server)[0], signal.SIGKILL)
    answers = [ask(server) for _ in range(5)]
    died = ask(server, DIE)
    until(lambda: ask(server).status == 200)
    stop.set()
    thread.join()
    assert {answer.status for answer in answers} <= {200, 503}
    assert code(died) == (503, "worker_died")
    assert set(others) == {200}
    assert 'ambidex_worker_restarts{model="obedient",version="1"} 2' in server.get("/metrics").body.decode()


def test_a_process_that_dies_unasked_is_started_anew(server: Server) -> None:
    assert ask(server).status == 200
    (first,) = workers_of(server)
    os.kill(first, signal.SIGKILL)
    until(lambda: server.get("/v2/models/obedient/ready").status == 200 and workers_of(server) != [first])


def test_a_stuck_process_is_ended_in_time(server: Server) -> None:
    assert ask(server).status == 200
    answer = ask(server, HANG)
    assert code(answer) == (503, "worker_died")
    assert "no answer after 1.5 s" in answer.json["error"]["message"]
    until(lambda: ask(server).status == 200)


def test_a_process_that_dies_whenever_it_loads_is_given_up(tmp_path: Path) -> None:
    paths = [write_houses(tmp_path), write_hostile(tmp_path / "doomed.pkl", os._exit, 3)]
    with running(paths, {"trust": True}) as server:
        answer = ask(server, model="doomed")
        assert code(answer) == (503, "model_broken")
        assert "it ended with status 3" in answer.json["error"]["message"]
        assert code(ask(server, model="doomed")) == (503, "model_broken")
        assert [failure["path"] for failure in server.get("/models").json["failures"]] == [str(paths[1])]
        assert server.get("/v2/models/doomed/ready").json["state"] == "broken"
        assert price(server) == 2


def test_sigterm_lets_a_running_request_finish_and_leaves_no_process(server: Server) -> None:
    assert ask(server).status == 200
    workers = workers_of(server)
    answers: list[Answer] = []
    thread = threading.Thread(target=lambda: answers.append(ask(server, DAWDLE)))
    thread.start()
    time.sleep(0.3)  # the request has to be under way
    status, _, _ = server.stop()
    thread.join()
    assert (status, answers[0].status) == (0, 200)
    assert not any(map(is_running, workers))


def test_a_worker_ends_with_a_server_that_is_killed(server: Server) -> None:
    assert ask(server).status == 200
    (worker,) = workers_of(server)
    server.process.kill()
    until(lambda: not is_running(worker))


def test_a_changed_file_goes_live_when_it_answers_and_a_broken_one_never(tmp_path: Path) -> None:
    path = write_obedient(tmp_path / "obedient.pkl")
    with running([tmp_path], {"trust": True, "watch_seconds": 0.05}) as server:
        assert factor(server) == 2
        (first,) = workers_of(server)
        write_obedient(path, factor=5)
        until(lambda: factor(server) == 5)
        until(lambda: not is_running(first))
        path.write_bytes(b"no pickle")
        until(lambda: len(server.get("/models").json["failures"]) == 1)
        assert factor(server) == 5
        write_obedient(path, factor=7)
        until(lambda: factor(server) == 7)
        assert server.get("/models").json["failures"] == []
