"""Who may ask: API keys, and the origins whose pages may read answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ambidex.server.request_error import RequestError

if TYPE_CHECKING:
    from ambidex.server.exchange import Exchange

_OPEN_PATHS = (b"/v2/health/",)
"""What an orchestrator asks without a key."""
_OPEN_PAGES = (b"/", b"/docs")
"""Pages that hold no data: a browser cannot send a key with an address, so they ask for it themselves."""


class Access:
    """Checks keys and answers browsers' questions before a request reaches its handler."""

    def __init__(self, keys: Sequence[str], origins: Sequence[str]) -> None:
        self._keys = tuple(key.encode() for key in keys)
        self._origins = frozenset(origin.encode() for origin in origins)
        self.is_needed = bool(keys or origins)

    def admit(self, exchange: Exchange) -> bool:
        """Whether the request goes on to its handler. Raises `RequestError` 401 for a missing or wrong key."""
        origin = exchange.headers.get(b"origin")
        if origin is not None and (origin in self._origins or b"*" in self._origins):
            shown = b"*" if b"*" in self._origins else origin
            exchange.extra = _ALLOWED % shown
            if exchange.method == b"OPTIONS" and b"access-control-request-method" in exchange.headers:
                exchange.route = "preflight"
                exchange.reply(b"", status=204, headers=_PREFLIGHT)
                return False
        if not exchange.url.startswith(_OPEN_PATHS) and exchange.url.partition(b"?")[0] not in _OPEN_PAGES:
            self.check_key(exchange.headers)
        return True

    def check_key(self, headers: dict[bytes, bytes]) -> None:
        """Raises `RequestError` 401 unless no key is needed or the headers hold a known one."""
        if not self._keys:
            return
        from hmac import compare_digest

        given = headers.get(b"x-api-key")
        if given is None:
            scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
            given = token.strip() if scheme.lower() == b"bearer" else b""
        # Every key is compared, whichever fits, so that the time taken tells nothing.
        if not sum(compare_digest(given, key) for key in self._keys):
            message = "Expected a key in the header X-API-Key or Authorization: Bearer, got none that is known."
            raise RequestError(401, "no_key", message, headers=b"WWW-Authenticate: Bearer\r\n")


_ALLOWED = (
    b"Access-Control-Allow-Origin: %s\r\n"
    b"Access-Control-Expose-Headers: Inference-Header-Content-Length, X-Request-Id\r\n"
    b"Vary: Origin\r\n"
)
_PREFLIGHT = (
    b"Access-Control-Allow-Methods: GET, HEAD, POST\r\n"
    b"Access-Control-Allow-Headers: Content-Type, Authorization, X-API-Key, X-Request-Id, "
    b"Inference-Header-Content-Length\r\n"
    b"Access-Control-Max-Age: 600\r\n"
)
