"""From a path to a function: protocols by their first segment, imported when first asked for, then their own table."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

from ambidex.server.request_error import RequestError, error_body

if TYPE_CHECKING:
    from ambidex.server.exchange import Exchange
    from ambidex.server.service import Service

Handler = Callable[["Service", "Exchange", dict[str, str]], None]
Route = tuple[str, str, Handler]
"""Method, pattern such as `/models/{model}/predict`, function."""

PROTOCOLS: dict[str, str] = {
    "": "ambidex.server.page",
    "docs": "ambidex.server.openapi",
    "metrics": "ambidex.server.operation",
    "models": "ambidex.server.friendly",
    "openapi.json": "ambidex.server.openapi",
    "v1": "ambidex.server.tensorflow_rest",
    "v2": "ambidex.server.oip",
}
"""The module whose ROUTES answer paths that begin with this segment."""

_CACHE = 4096


class Router:
    """Finds the handler of a request; remembers what it found."""

    def __init__(self) -> None:
        self._found: dict[tuple[bytes, bytes], tuple[Handler, dict[str, str], str]] = {}

    def find(self, method: bytes, url: bytes) -> tuple[Handler, dict[str, str], str]:
        """Handler, the names in the path, and the pattern. Raises `RequestError` 404 or 405."""
        found = self._found.get((method, url))
        if found is None:
            found = _search(method, url)
            if len(self._found) < _CACHE and len(url) < 512:
                self._found[method, url] = found
        return found


def _search(method: bytes, url: bytes) -> tuple[Handler, dict[str, str], str]:
    segments = split_path(url)
    module = PROTOCOLS.get(segments[0])
    routes: tuple[Route, ...] = import_module(module).ROUTES if module else ()
    wanted = "GET" if method == b"HEAD" else method.decode()
    fitting = [
        (sum(map(len, names.values())), verb, handler, names, pattern)
        for verb, pattern, handler in routes
        if (names := match(pattern, segments)) is not None
    ]
    # `/v1/models/adult:predict` is a method of `adult`, never a model `adult:predict`: names are as short as may be.
    shortest = min((size for size, *_ in fitting), default=0)
    allowed = []
    for size, verb, handler, names, pattern in fitting:
        if size == shortest and verb == wanted:
            return handler, names, pattern
        allowed += [verb] if size == shortest else []
    if not allowed:
        raise RequestError(404, "no_such_path", "Expected a path of this server, got another one. See GET /docs.")
    if "GET" in allowed:
        allowed.append("HEAD")
    methods = ", ".join(sorted(set(allowed)))
    message = f"Expected {methods} for this path, got {wanted}."
    raise RequestError(405, "wrong_method", message, headers=f"Allow: {methods}\r\n".encode())


def error_shape(url: bytes) -> Callable[[Exception, int], tuple[int, bytes]]:
    """How errors read in the protocol of this path: its module's `error_shape`, or the friendly one."""
    try:
        first = split_path(url)[0]
    except RequestError:  # the path cannot be read as a whole, its beginning may
        first = url.lstrip(b"/").partition(b"/")[0].decode("latin-1")
    module = PROTOCOLS.get(first)
    found: Callable[[Exception, int], tuple[int, bytes]] = error_body
    return getattr(import_module(module), "error_shape", found) if module else found


def split_path(url: bytes) -> list[str]:
    """The decoded segments of a request's path, without its query."""
    path = url.partition(b"?")[0]
    if path.startswith((b"http://", b"https://")):
        path = b"/" + path.split(b"/", 3)[3] if path.count(b"/") > 2 else b"/"
    if not path.startswith(b"/"):
        raise RequestError(400, "malformed_path", "Expected a path that starts with /, got something else.")
    parts = path[1:].split(b"/")
    if b"%" in path:
        from urllib.parse import unquote_to_bytes

        parts = [unquote_to_bytes(part) for part in parts]
    try:
        return [part.decode() for part in parts]
    except UnicodeDecodeError:
        raise RequestError(400, "malformed_path", "Expected a path in UTF-8, got other bytes.") from None


def match(pattern: str, segments: list[str]) -> dict[str, str] | None:
    """The names in a path that fits the pattern; None if it does not.

    Example:
        >>> match("/v1/models/{model}:predict", ["v1", "models", "adult:predict"])
        {'model': 'adult'}
    """
    parts = pattern[1:].split("/")
    if len(parts) != len(segments):
        return None
    names = {}
    for part, segment in zip(parts, segments, strict=True):
        if not part.startswith("{"):
            if part != segment:
                return None
            continue
        name, _, tail = part[1:].partition("}")
        if not segment.endswith(tail) or len(segment) == len(tail):
            return None
        names[name] = segment[: len(segment) - len(tail)]
    return names
