"""Several processes behind one address: they answer as one, outlive each other's deaths, and end together."""

from __future__ import annotations

import http.client
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.server.models import write_houses
from tests.server.running import Server, launch, running

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="children are found in /proc")

ROW = {"rows": [{"rooms": 1}]}
PREDICT = "/models/houses/predict"


def until(condition: Callable[[], bool]) -> None:
    """Waits for what must become true soon."""
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "it never happened"


def children(server: Server) -> list[int]:
    pid = server.process.pid
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def answered(server: Server) -> dict[str, int]:
    """How many predictions each process says it has answered."""
    text = server.get("/metrics").body.decode()
    line = re.compile(r'requests_total\{.*predict.*process="(\d)"\} (\d+)')
    return {number: int(count) for number, count in line.findall(text)}


def test_whoever_is_asked_tells_what_all_have_done(tmp_path: Path) -> None:
    write_houses(tmp_path)
    with running([tmp_path], {"processes": 2}) as server:
        asked = 0

        def has_seen_both() -> bool:
            nonlocal asked
            asked += 1
            assert server.post(PREDICT, ROW).json == {"predictions": [{"price": 2.0}]}
            return len(answered(server)) == 2

        until(has_seen_both)
        assert sum(answered(server).values()) == asked
        page = server.get("/metrics").body.decode()
        assert page.count("# TYPE ambidex_requests_total counter") == 1
        assert re.findall(r'ambidex_broken_models\{process="(\d)"\} 0', page) == ["1", "2"]
        assert server.stop() == (0, "", "")


def test_a_changed_file_goes_live_in_every_process(tmp_path: Path) -> None:
    write_houses(tmp_path, slope=2)
    with running([tmp_path], {"processes": 2, "watch_seconds": 0.05}) as server:
        write_houses(tmp_path / ".aside", slope=5).replace(tmp_path / "houses.ambidex")
        line = re.compile(r'ambidex_model_loaded_seconds\{.*process="(\d)"\} ([0-9.]+)')
        began = (tmp_path / "houses.ambidex").stat().st_mtime
        until(lambda: all(float(at) > began for _, at in line.findall(server.get("/metrics").body.decode())))
        prices = {server.post(PREDICT, ROW).json["predictions"][0]["price"] for _ in range(20)}
        assert prices == {5.0}


def test_a_process_that_dies_is_replaced_and_no_new_request_is_lost(tmp_path: Path) -> None:
    write_houses(tmp_path)
    with running([tmp_path], {"processes": 2}) as server:
        first = children(server)
        os.kill(first[0], signal.SIGKILL)
        statuses = [server.post(PREDICT, ROW).status for _ in range(20)]
        assert statuses == [200] * 20
        until(lambda: len(children(server)) == 2 and first[0] not in children(server))
        until(lambda: 'process="1"' in server.get("/metrics").body.decode())
        status, _, errors = server.stop()
    assert status == 0
    assert '"event":"process ended","process":1' in errors
    assert errors.count("\n") == 1


def test_a_process_that_is_asked_to_end_is_replaced_by_one_that_listens(tmp_path: Path) -> None:
    with running([write_houses(tmp_path)], {"processes": 2, "is_quiet": True}) as server:
        first = children(server)
        os.kill(first[0], signal.SIGTERM)
        until(lambda: len(children(server)) == 2 and first[0] not in children(server))
        until(lambda: 'process="1"' in server.get("/metrics").body.decode())
        for _ in range(40):  # the system deals connections out to all who listen
            assert server.post(PREDICT, ROW).status == 200
        assert set(answered(server)) == {"1", "2"}


def test_a_stop_under_load_loses_nothing(tmp_path: Path) -> None:
    write_houses(tmp_path)
    lost: list[object] = []
    count = [0] * 8

    with running([tmp_path], {"processes": 2}) as server:

        def ask(number: int) -> None:
            connection = http.client.HTTPConnection(server.host, server.port, timeout=20)
            while True:
                connection.request("POST", PREDICT, b'{"rows": [{"rooms": 1}]}')
                response = connection.getresponse()
                if response.status != 200 or b"2.0" not in response.read():
                    lost.append(response.status)
                    return
                count[number] += 1
                if response.headers["Connection"] == "close":
                    return

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        until(lambda: all(count) or bool(lost))
        status, _, errors = server.stop()
        for thread in threads:
            thread.join(timeout=20)
    assert (status, errors, lost) == (0, "", [])


def test_processes_do_not_outlive_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    write_houses(tmp_path)
    with running([tmp_path], {"processes": 2}) as server:
        left = children(server)
        server.process.kill()
        until(lambda: not any(map(is_alive, left)))


def test_what_cannot_be_served_is_said_once(tmp_path: Path) -> None:
    def failure(path: Path = tmp_path, **settings: object) -> str:
        process = launch([path], {"processes": 2, **settings})
        output, errors = process.communicate(timeout=30)
        assert (process.returncode, output) == (2, "")
        assert "Traceback" not in errors
        return errors

    assert failure().count("no model") == 1
    write_houses(tmp_path)
    assert "one process" in failure(allow_control=True)
    broken = tmp_path / "broken.ambidex"
    broken.write_bytes(b"PK\3\4 and nothing else")
    assert failure(broken).count("broken.ambidex") == 1


def test_a_broken_file_keeps_no_process_from_coming_back(tmp_path: Path) -> None:
    path = write_houses(tmp_path)
    with running([path], {"processes": 2, "is_quiet": True, "watch_seconds": 0.05}) as server:
        first = children(server)
        path.with_suffix(".aside").write_bytes(b"broken")
        path.with_suffix(".aside").replace(path)
        os.kill(first[0], signal.SIGKILL)
        until(lambda: len(children(server)) == 2 and first[0] not in children(server))
        until(lambda: 'process="1"' in server.get("/metrics").body.decode())
        os.kill(first[1], signal.SIGKILL)
        until(lambda: len(children(server)) == 2 and first[1] not in children(server))
        write_houses(tmp_path / ".aside", slope=3).replace(path)
        until(lambda: server.post(PREDICT, ROW).status == 200)


def test_all_of_them_speak_grpc_on_one_port(tmp_path: Path) -> None:
    grpc = pytest.importorskip("grpc")
    from ambidex.server.grpc_messages import SERVICE, build

    messages = build()
    write_houses(tmp_path)
    with running([tmp_path], {"processes": 2, "grpc_port": 0}) as server:

        def is_live() -> bool:
            with grpc.insecure_channel(
                server.announced["grpc"], options=[("grpc.use_local_subchannel_pool", 1)]
            ) as one:
                call = one.unary_unary(f"/{SERVICE}/ServerLive", response_deserializer=bytes)
                return bool(messages["ServerLiveResponse"].FromString(call(b"", timeout=10)).live)

        def who() -> set[str]:
            assert is_live()
            line = re.compile(r'requests_total\{route="grpc ServerLive".*process="(\d)"\}')
            return set(line.findall(server.get("/metrics").body.decode()))

        until(lambda: who() == {"1", "2"})
        assert server.stop() == (0, "", "")
