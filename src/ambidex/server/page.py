"""The pages for people: each one file with everything in it, read from the package when first asked for."""

from __future__ import annotations

import os
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ambidex.server.exchange import Exchange
    from ambidex.server.router import Route
    from ambidex.server.service import Service

_HEADERS = (
    b"Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    b"connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"
    b"X-Content-Type-Options: nosniff\r\n"
    b"Referrer-Policy: no-referrer\r\n"
    b"Cache-Control: no-cache\r\n"
)


@cache
def _read(name: str) -> tuple[bytes, bytes]:
    """A page and the tag that browsers compare."""
    path = os.path.join(os.path.dirname(__file__), name)
    with open(path, "rb") as file:
        page = file.read()
    return page, b'"%s"' % sha256(page).hexdigest()[:16].encode()


def reply_page(exchange: Exchange, name: str) -> None:
    """Answers with one of the package's pages, or with nothing where the browser has it already."""
    page, tag = _read(name)
    headers = b"ETag: %s\r\n%s" % (tag, _HEADERS)
    if exchange.headers.get(b"if-none-match") == tag:
        exchange.reply(b"", status=304, headers=headers)
    else:
        exchange.reply(page, kind=b"text/html; charset=utf-8", headers=headers)


def home(service: Service, exchange: Exchange, names: dict[str, str]) -> None:
    """The page at `/`."""
    del service, names
    reply_page(exchange, "page.html")


ROUTES: tuple[Route, ...] = (("GET", "/", home),)
