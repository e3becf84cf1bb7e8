"""A log that nobody reads holds up nobody."""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path

import pytest

from ambidex.server import log
from ambidex.server.log import Log, write_now
from tests.server.models import write_houses
from tests.server.running import running

ROW = {"rows": [{"rooms": 1}]}


class Pipe:
    """Stands in for standard error; nobody reads it until `rest` does."""

    def __init__(self) -> None:
        self.reading, self.writing = os.pipe()

    def fileno(self) -> int:
        return self.writing

    def rest(self) -> list[dict[str, object]]:
        """Every line, once the writer's end is closed."""
        os.close(self.writing)
        with os.fdopen(self.reading, "rb") as file:
            return [json.loads(line) for line in file]


def test_events_are_lines_of_json_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = Pipe()
    monkeypatch.setattr(sys, "stderr", pipe)
    written = Log()
    for number in range(100):
        written.write({"event": "request", "number": number})
    written.close()
    assert [line["number"] for line in pipe.rest()] == list(range(100))


def test_lines_beyond_those_that_may_wait_are_counted_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = Pipe()
    monkeypatch.setattr(sys, "stderr", pipe)
    monkeypatch.setattr(log, "MAX_LINES", 4)
    monkeypatch.setattr(log, "LAST_S", 0.0)
    written = Log()
    for number in range(1000):
        written.write({"event": "request", "number": number, "long": "x" * 1000})
    dropped = written.dropped.values[()]
    assert dropped > 100
    lines: list[dict[str, object]] = []

    def read() -> None:
        with os.fdopen(pipe.reading, "rb") as file:
            lines.extend(json.loads(line) for line in file)

    reader = threading.Thread(target=read)
    reader.start()
    monkeypatch.setattr(log, "LAST_S", 20.0)
    written.close()
    os.close(pipe.writing)
    reader.join(timeout=20)
    told = sum(int(str(line["lines"])) for line in lines if line["event"] == "log dropped")
    assert told == dropped
    assert sum(line["event"] == "request" for line in lines) == 1000 - dropped


def test_a_process_that_forks_drops_what_a_full_pipe_does_not_take(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = Pipe()
    monkeypatch.setattr(sys, "stderr", pipe)
    for number in range(1000):
        write_now({"event": "process ended", "number": number, "long": "x" * 1000})
    numbers = [line["number"] for line in pipe.rest()]
    assert numbers == list(range(len(numbers)))
    assert 10 < len(numbers) < 1000


def test_requests_are_answered_while_nobody_reads_the_log(tmp_path: Path) -> None:
    write_houses(tmp_path)
    with running([tmp_path], {"log_requests": True}) as server, server.connect() as connection:
        body = json.dumps(ROW).encode()
        head = b"POST /models/houses/predict HTTP/1.1\r\nHost: a\r\nX-Request-Id: %s\r\nContent-Length: %d\r\n\r\n"
        request = head % (b"i" * 100, len(body)) + body
        answers = connection.makefile("rb")  # an answer ends without a line break
        for _ in range(50):  # 50 times 20 lines of 200 bytes: three times what a pipe holds
            connection.sendall(request * 20)
            got = 0
            while got < 20:
                line = answers.readline()
                assert line, "the server closed the connection"
                got += b"HTTP/1.1 200" in line
