"""`ambidex serve`: models load while the event loop's libraries are imported, then one loop answers until stopped."""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ambidex.errors import InputFileError, UsageError, expected

if TYPE_CHECKING:
    import asyncio
    import ssl

    from ambidex.runtime.repository import Place, Repository
    from ambidex.server.grpc_service import GrpcServer
    from ambidex.server.loader import Loader
    from ambidex.server.seat import Seat
    from ambidex.server.service import Service
    from ambidex.server.settings import Settings

SWITCH = 0.001
"""Seconds that a thread in Python may keep the event loop waiting for the interpreter; by default it is 0.005."""


def serve(
    paths: Sequence[str],
    *,
    host: str = "127.0.0.1",
    port: int = 8080,
    grpc_port: int | None = None,
    json_output: bool = False,
    settings: Settings | Callable[[], Settings] | None = None,
) -> None:
    """Serves artifacts and folders of them until SIGTERM or SIGINT, then answers what has begun and returns.

    `settings`, or what it returns, holds what has no argument here; its host, port and form of output are replaced by
    the arguments. A function is called while the models already load, so it cannot ask for several processes.
    Raises `UsageError`, `InputFileError` or `ArtifactError` before anything is served.
    """

    def chosen() -> Settings:
        import msgspec

        from ambidex.server.settings import Settings

        given = settings() if callable(settings) else settings or Settings()
        addresses = {"host": host, "port": port, "grpc_port": grpc_port}
        return msgspec.structs.replace(given, json_output=json_output, **addresses)

    if settings is not None and not callable(settings) and settings.processes > 1:
        from ambidex.server.supervise import supervise

        supervise([os.fspath(path) for path in paths], chosen())
        return
    loading = Loading([os.fspath(path) for path in paths], chosen)
    listener = listen(host, port)
    try:
        run(loading, listener, chosen())
    finally:
        listener.close()


class Loading:
    """Loads the models in a thread: onnxruntime starts up outside Python's lock, while Python imports the rest."""

    def __init__(self, paths: Sequence[str], settings: Callable[[], Settings], *, is_strict: bool = True) -> None:
        """Unless strict, what cannot be loaded is left out even where nothing else is there."""
        self.paths = paths
        self._is_strict = is_strict
        self._settings = settings
        self._error: BaseException | None = None
        self._loaded: tuple[Repository, Loader] | None = None
        self._thread = threading.Thread(target=self._load, name="ambidex-loading", daemon=True)
        self._thread.start()

    def _load(self) -> None:
        try:
            from ambidex.runtime.repository import Repository, find_places
            from ambidex.server.loader import Loader

            places: list[Place] = find_places(self.paths, is_strict=self._is_strict)
            repository, loader = Repository(), Loader(self._settings)
            repository.load_all(places, loader.open, asked_for=self.paths if self._is_strict else ())
            self._loaded = repository, loader
        except BaseException as error:  # noqa: BLE001 - raised again in the main thread
            self._error = error

    def result(self) -> tuple[Repository, Loader]:
        """The loaded models and what loads others; raises what went wrong."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        assert self._loaded is not None
        return self._loaded


def listen(host: str, port: int, *, is_shared: bool = False) -> socket.socket:
    """A listening socket, of several for one address where it is shared.

    Raises `UsageError` for an address that is taken, foreign or unknown.
    """
    if not 0 <= port <= 65535:
        raise UsageError(expected("a port between 0 and 65535", got=port), where="--port")
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family, backlog=2048, reuse_port=is_shared)
    except (OSError, UnicodeError) as error:
        detail = getattr(error, "strerror", None) or str(error)
        message = expected(
            "an address to listen on", got=f"{host}:{port}: {detail}", fix="Choose another --port or --host."
        )
        raise UsageError(message, where=f"{host}:{port}") from error


def run(loading: Loading, listener: socket.socket, settings: Settings, *, seat: Seat | None = None) -> None:
    """The event loop's life; on a `seat` in one of several processes."""
    loop = new_loop()
    try:
        loop.run_until_complete(_live(loop, loading, listener, settings, seat))
    finally:
        loop.close()


def new_loop() -> asyncio.AbstractEventLoop:
    """uvloop's where it is installed, else asyncio's own."""
    try:
        import uvloop
    except ImportError:
        import asyncio

        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


async def _live(
    loop: asyncio.AbstractEventLoop, loading: Loading, listener: socket.socket, settings: Settings, seat: Seat | None
) -> None:
    from ambidex.server import friendly  # noqa: F401 - the first request should not wait for it
    from ambidex.server.catalog import Catalog
    from ambidex.server.connection import Connection
    from ambidex.server.farewell import stop_listening
    from ambidex.server.service import Service

    repository, loader = loading.result()
    service = Service(loop, repository, Catalog(loading.paths, repository, loader), settings, seat=seat)
    gc.freeze()  # what is loaded now stays: the collector need not look at it again
    gc.set_threshold(20_000, 50, 50)
    sys.setswitchinterval(SWITCH)
    server = await loop.create_server(lambda: Connection(service.engine), sock=listener, ssl=_tls(settings))
    await service.peers.open()
    stop = _stop_by_signal(loop)
    grpc = _start_grpc(service)
    watcher = loop.create_task(service.watch())
    document = _describe(service, listener, grpc)
    if seat is None:
        announce(document, json_output=settings.json_output)
    else:
        seat.outlive(loop, stop)
        seat.announce(document)
    await stop
    watcher.cancel()
    await stop_listening(server, listener)
    service.peers.close()
    if grpc is not None:
        await loop.run_in_executor(None, grpc.stop, settings.limits.drain_time)
    await service.engine.drain()
    service.plane.close()
    loader.close_all()
    service.close()


def _tls(settings: Settings) -> ssl.SSLContext | None:
    """The server's side of TLS, if a certificate was given. Raises `InputFileError` or `UsageError`."""
    if not settings.tls_certificate:
        return None
    import ssl

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        # An empty password: a key that needs one is refused, and nobody is asked for it on the terminal.
        context.load_cert_chain(settings.tls_certificate, settings.tls_key or None, password="")
    except ssl.SSLError as error:
        message = expected(
            "a certificate and its key in PEM", got=error.reason or "neither", where=settings.tls_certificate
        )
        raise UsageError(message, where=settings.tls_certificate) from error
    except OSError as error:
        message = expected("a certificate and its key to read", got=error.strerror, where=settings.tls_certificate)
        raise InputFileError(message, where=settings.tls_certificate) from error
    return context


def _stop_by_signal(loop: asyncio.AbstractEventLoop) -> asyncio.Future[None]:
    """What is done once SIGTERM or SIGINT has come."""
    stop = loop.create_future()

    def ask() -> None:
        if not stop.done():
            stop.set_result(None)

    for number in (signal.SIGTERM, signal.SIGINT) if threading.current_thread() is threading.main_thread() else ():
        try:
            loop.add_signal_handler(number, ask)
        except NotImplementedError:  # Windows' loop has none
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(ask))
    return stop


def _start_grpc(service: Service) -> GrpcServer | None:
    """The gRPC server, if its port was asked for."""
    port = service.settings.grpc_port
    if port is None:
        return None
    from ambidex.server.grpc_service import GrpcServer

    return GrpcServer(service, host=service.settings.host, port=port)


def _describe(service: Service, listener: socket.socket, grpc: GrpcServer | None) -> dict[str, object]:
    """Where the server answers, and what."""
    host, port = listener.getsockname()[:2]
    scheme = "https" if service.settings.tls_certificate else "http"
    models = [{"name": model.name, "version": model.version} for model in service.repository.models()]
    grpc_address = f"{_bracketed(host)}:{grpc.port}" if grpc else None
    return {"url": f"{scheme}://{_bracketed(host)}:{port}", "grpc": grpc_address, "models": models}


def announce(document: dict[str, object], *, json_output: bool) -> None:
    """Says on standard output where the server answers."""
    if json_output:
        import msgspec

        line = msgspec.json.encode(document).decode()
    else:
        line = f"Serving {document['url']}" + (f" and gRPC at {document['grpc']}" if document["grpc"] else "")
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _bracketed(host: str) -> str:
    """An address as it stands in a URL."""
    return f"[{host}]" if ":" in host else host
