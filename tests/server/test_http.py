"""HTTP as clients really speak it: kept open, pipelined, in pieces, too large, broken, too slow."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.running import Server, read_all, running

BODY = json.dumps({"rows": [{"rooms": 2}]}).encode()
ANSWER = b'{"predictions":[{"price":4.0}]}'
PATH = b"/models/houses/predict"


def post(body: bytes = BODY, *lines: bytes, path: bytes = PATH) -> bytes:
    head = b"".join(line + b"\r\n" for line in (b"Host: x", b"Content-Length: %d" % len(body), *lines))
    return b"POST %s HTTP/1.1\r\n%s\r\n%s" % (path, head, body)


def read_answers(connection: socket.socket, count: int) -> bytes:
    """What came once `count` answers are complete."""
    received = b""
    while received.count(ANSWER) < count:
        part = connection.recv(65536)
        assert part, received
        received += part
    return received


@pytest.fixture(scope="module")
def small(models: Path) -> Iterator[Server]:
    """A server that is quick to lose patience and takes little."""
    limits = {
        "body": 2000,
        "head": 1000,
        "headers": 20,
        "rows": 5,
        "connections": 8,
        "request_time": 0.3,
        "idle_time": 0.6,
    }
    with running([models], {"limits": limits}) as started:
        yield started


def test_a_connection_is_kept_for_the_next_request(server: Server) -> None:
    with server.connect() as connection:
        for _ in range(3):
            connection.sendall(post())
            assert b"Connection: close" not in read_answers(connection, 1)


def test_pipelined_requests_are_answered_in_order(server: Server) -> None:
    bodies = [json.dumps({"rows": [{"rooms": rooms}]}).encode() for rooms in range(100)]
    raw = b"".join(map(post, bodies)) + b"GET /models HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answers = server.send(raw).split(b"HTTP/1.1 200 OK\r\n")[1:]
    prices = [json.loads(answer.partition(b"\r\n\r\n")[2])["predictions"][0]["price"] for answer in answers[:100]]
    assert prices == [2.0 * rooms for rooms in range(100)]
    assert b'"models"' in answers[100]


def test_a_request_may_come_byte_by_byte(server: Server) -> None:
    with server.connect() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in post():
            connection.sendall(bytes([byte]))
        assert ANSWER in read_answers(connection, 1)


def test_a_chunked_body_is_put_together(server: Server) -> None:
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (BODY[:5], BODY[5:11], BODY[11:]))
    raw = b"POST %s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n%s0\r\n\r\n"
    assert ANSWER in server.send(raw % (PATH, chunks))


def test_a_client_that_asks_first_is_told_to_go_on(server: Server) -> None:
    head, _, body = post(BODY, b"Expect: 100-continue", b"Connection: close").partition(b"\r\n\r\n")
    with server.connect() as connection:
        connection.sendall(head + b"\r\n\r\n")
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert ANSWER in read_all(connection)


def test_head_is_get_without_a_body(server: Server) -> None:
    got, headed = server.get("/models"), server.ask("HEAD", "/models")
    assert (headed.status, headed.body) == (200, b"")
    assert headed.headers["content-length"] == str(len(got.body))


@pytest.mark.parametrize(
    ("version", "line", "closes"),
    [
        (b"1.0", b"X: y", True),
        (b"1.0", b"Connection: keep-alive", False),
        (b"1.1", b"Connection: close", True),
    ],
)
def test_the_client_decides_whether_the_connection_stays(
    server: Server, version: bytes, line: bytes, closes: bool
) -> None:
    with server.connect() as connection:
        connection.sendall(b"GET /v2/health/live HTTP/%s\r\nHost: x\r\n%s\r\n\r\n" % (version, line))
        received = connection.recv(65536)
        assert (b"Connection: close" in received) is closes
        connection.settimeout(0.2)
        if closes:
            assert connection.recv(10) == b""
        else:
            assert b"Connection: keep-alive" in received
            with pytest.raises(TimeoutError):
                connection.recv(10)


def test_an_offer_of_another_protocol_is_not_taken_up(server: Server) -> None:
    raw = b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    assert server.send(raw).startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize(
    "raw",
    [
        b"hello\r\n\r\n",
        b"\0\1\2\3",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nBad Header\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    ],
)
def test_what_is_no_http_is_refused_and_closed(server: Server, raw: bytes) -> None:
    answer = server.send(raw)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request")
    assert b"Connection: close" in head
    assert json.loads(body)["error"]["code"] == "malformed_http"


def test_what_was_asked_before_nonsense_is_still_answered(server: Server) -> None:
    answer = server.send(post() + b"nonsense\r\n\r\n")
    assert answer.index(ANSWER) < answer.index(b"HTTP/1.1 400")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/models/adult/nowhere", 404),
        ("GET", "/models/", 404),
        ("GET", "//", 404),
        ("GET", "/%ff", 400),
        ("GET", "/models/..%2f..%2fetc%2fpasswd", 404),
        ("GET", "/models/%ED%A0%80", 400),
        ("GET", "/models/adult/predict", 405),
        ("POST", "/models", 405),
        ("DELETE", "/models/adult", 405),
        ("PROPFIND", "/models/adult", 405),
    ],
)
def test_paths_and_methods_that_are_not_served(server: Server, method: str, path: str, status: int) -> None:
    answer = server.ask(method, path)
    assert answer.status == status
    assert answer.json["error"]["message"].startswith("Expected ")
    assert ("allow" in answer.headers) is (status == 405)


def test_a_request_id_comes_back(server: Server) -> None:
    assert server.ask("GET", "/models", headers={"X-Request-Id": "my-id.1"}).headers["x-request-id"] == "my-id.1"
    odd = server.ask("GET", "/models", headers={"X-Request-Id": "a b"}).headers["x-request-id"]
    assert odd not in ("", "a b")
    assert server.get("/models").headers["x-request-id"] != odd


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (post(b" " * 2001), 413),
        (post(BODY, b"X: " + b"y" * 1000), 431),
        (b"GET /" + b"a" * 2000, 431),
        (b"GET /models HTTP/1.1\r\nX: " + b"y" * 3000, 431),
        (post(BODY, *(b"X%d: y" % number for number in range(30))), 431),
        (post(BODY, b"Expect: miracles"), 417),
        (
            b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + b"400\r\n%s\r\n" % (b" " * 1024) * 3,
            413,
        ),
    ],
)
def test_what_is_too_large_is_refused_and_closed(small: Server, raw: bytes, status: int) -> None:
    answer = small.send(raw)
    assert answer.startswith(b"HTTP/1.1 %d " % status), answer
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["message"]


def test_too_many_rows_are_refused(small: Server) -> None:
    answer = small.post("/models/houses/predict", {"rows": [{"rooms": 1}] * 6})
    assert (answer.status, answer.json["error"]["code"]) == (413, "too_many_rows")
    history = [{"date": f"2024-01-0{day}", "HUFL": 1, "OT": 1} for day in range(1, 7)]
    assert small.post("/models/oil/predict", {"series": [{"history": history}]}).status == 413


def test_a_client_that_stops_in_the_middle_is_told_so(small: Server) -> None:
    assert small.send(post()[:-3]).startswith(b"HTTP/1.1 408 Request Timeout")


def test_an_idle_connection_is_closed_without_a_word(small: Server) -> None:
    assert small.send(b"") == b""


def test_a_client_that_does_not_read_is_cut_off_and_others_are_answered(small: Server) -> None:
    with small.connect() as connection:
        connection.settimeout(0.1)
        flood = post(path=b"/models/adult").replace(b"POST", b"GET") * 50
        sent = 0
        try:
            while sent < 200_000_000:
                sent += connection.send(flood)
        except (TimeoutError, ConnectionError):
            pass
        assert sent < 200_000_000
        assert small.get("/v2/health/live").status == 200


def test_too_many_connections_are_told_to_come_back(small: Server) -> None:
    held = [small.connect() for _ in range(8)]
    try:
        for connection in held:
            connection.sendall(b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\n\r\n")
            assert connection.recv(1000).startswith(b"HTTP/1.1 200")
        answer = small.send(b"")
        assert answer.startswith(b"HTTP/1.1 503")
        assert b"Retry-After: 1" in answer
    finally:
        for connection in held:
            connection.close()
