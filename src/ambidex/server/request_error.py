"""Answers that are errors: the one exception that carries an HTTP status, and how others map to one."""

from __future__ import annotations

import msgspec

from ambidex.errors import AmbidexError, DataError

REASONS: dict[int, bytes] = {
    200: b"OK",
    204: b"No Content",
    304: b"Not Modified",
    400: b"Bad Request",
    401: b"Unauthorized",
    403: b"Forbidden",
    404: b"Not Found",
    405: b"Method Not Allowed",
    408: b"Request Timeout",
    413: b"Content Too Large",
    415: b"Unsupported Media Type",
    417: b"Expectation Failed",
    422: b"Unprocessable Content",
    431: b"Request Header Fields Too Large",
    500: b"Internal Server Error",
    503: b"Service Unavailable",
}


class RequestError(AmbidexError):
    """A request that is answered with an error. `headers` are further lines of the response's head."""

    def __init__(self, status: int, code: str, message: str, *, where: str = "", headers: bytes = b"") -> None:
        super().__init__(message, where=where)
        self.status = status
        self.code = code
        self.headers = headers


def status_of(error: Exception) -> int:
    """400 to 503 for what a client can meet; 500 only for what is our own mistake."""
    if isinstance(error, RequestError):
        return error.status
    return 422 if isinstance(error, DataError) else 500


def error_body(error: Exception, status: int) -> tuple[int, bytes]:
    """`{"error": {"code", "message", "where"}}`; what is our own mistake shows nothing of its inside."""
    if isinstance(error, (RequestError, DataError)):
        parts = {"code": error.code, "message": error.message, "where": error.where}
    else:
        parts = {"code": "internal", "message": "The server failed; its log has the request id.", "where": ""}
    try:
        return status, msgspec.json.encode({"error": parts})
    except UnicodeEncodeError:  # a lone surrogate that came through a percent-encoded path
        return status, msgspec.json.encode({"error": {name: ascii(text) for name, text in parts.items()}})


def malformed(error: Exception, where: str = "body") -> RequestError:
    """400 for a body that is not JSON."""
    detail = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
    return RequestError(400, "malformed_json", f"Expected JSON, got something else at {where}: {detail}.", where=where)


def too_many_rows(count: int, limit: int) -> RequestError:
    """413 for more rows than one request may carry."""
    message = f"Expected at most {limit} rows in one request, got {count}. Send them in several requests."
    return RequestError(413, "too_many_rows", message, where="rows")
