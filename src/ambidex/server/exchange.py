"""One request and its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ambidex.server.request_error import REASONS

if TYPE_CHECKING:
    from ambidex.server.connection import Connection

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
JSON = b"application/json"

_STATUS_LINES = {status: b"HTTP/1.1 %d %s\r\n" % (status, reason) for status, reason in REASONS.items()}


class Exchange:
    """A request as parsed; `reply` answers it, at once or later, exactly once.

    `route` and `model` label it in metrics and logs, `extra` are header lines that any answer gets.
    """

    __slots__ = (
        "answer",
        "body",
        "connection",
        "extra",
        "headers",
        "is_old",
        "keep_alive",
        "method",
        "model",
        "request_id",
        "route",
        "started",
        "url",
    )

    def __init__(
        self, connection: Connection, method: bytes, url: bytes, headers: dict[bytes, bytes], body: bytes
    ) -> None:
        self.connection = connection
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.keep_alive = True
        self.is_old = False
        self.started = 0.0
        self.route = "none"
        self.model = ""
        self.request_id = b""
        self.extra = b""
        self.answer: bytes | None = None

    def reply(self, body: bytes, *, status: int = 200, kind: bytes = JSON, headers: bytes = b"") -> None:
        """Answers with a body of media type `kind`; `headers` are whole lines."""
        if self.answer is not None:
            return
        engine = self.connection.engine
        headers += self.extra
        if not self.keep_alive:
            headers += b"Connection: close\r\n"
        elif self.is_old:
            headers += b"Connection: keep-alive\r\n"
        length = b"" if status in (204, 304) else b"Content-Length: %d\r\n" % len(body)
        self.answer = b"%sContent-Type: %s\r\n%sX-Request-Id: %s\r\n%s%s\r\n%s" % (
            _STATUS_LINES[status],
            kind,
            length,
            self.request_id,
            engine.date_line,
            headers,
            b"" if self.method == b"HEAD" else body,
        )
        engine.account(self, status)
        self.connection.flush()
