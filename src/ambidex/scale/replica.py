"""What runs in each replica on the cluster: the server's data plane behind Ray Serve's proxy."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import ray
from starlette.responses import Response

from ambidex.scale.bundle import Bundle, unpack
from ambidex.server.relay import Relay
from ambidex.server.serve import Loading

if TYPE_CHECKING:
    from starlette.requests import Request

    from ambidex.server.settings import Settings


class Replica:
    """Loads the models from the object store, so that no disk is shared, and answers what the proxy hands on."""

    def __init__(self, bundles: Sequence[Any], settings: Settings) -> None:
        self._settings = settings
        self._folder = tempfile.TemporaryDirectory(prefix="ambidex-")
        found: list[Bundle] = ray.get(list(bundles))
        folder = Path(self._folder.name)
        self._paths = [str(unpack(bundle, folder / str(at))) for at, bundle in enumerate(found)]
        self._loaded = Loading(self._paths, lambda: settings).result()
        self._relay: Relay | None = None

    async def __call__(self, request: Request) -> Response:
        """Any request to any route."""
        relay = self._relay or self._open()
        scope = request.scope
        url: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
        found = await relay.answer(request.method, url, dict(request.headers.raw), request.stream())
        response = Response(found.body, found.status)
        length = [(b"content-length", b"%d" % len(found.body))] if found.status not in (204, 304) else []
        response.raw_headers = [*found.headers, *length]
        return response

    def _open(self) -> Relay:
        """The service, made by the first request, because only then is its event loop known."""
        from ambidex.server.catalog import Catalog
        from ambidex.server.service import Service

        repository, loader = self._loaded
        catalog = Catalog(self._paths, repository, loader)
        self._relay = Relay(Service(asyncio.get_running_loop(), repository, catalog, self._settings))
        return self._relay

    def __del__(self) -> None:
        """Ends the processes of foreign models."""
        self._loaded[1].close_all()
