"""`ambidex serve --ray ADDRESS`: the same data plane as a Ray Serve application, which places, scales and mends it."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ambidex.errors import AmbidexError, BackendError, TrainingError, UsageError, expected

if TYPE_CHECKING:
    from ambidex.server.settings import Settings

NAME = "ambidex"
"""The application's name on the cluster."""
REACH_S = 10.0
"""How long an address may take to let us connect."""
START_S = 180.0
"""How long the cluster may take until every replica answers."""
_CLIENT = "ray://"
_UNFIT = {
    "grpc_port": "--grpc-port",
    "tls_certificate": "--tls-certificate",
    "allow_control": "--allow-control",
    "processes": "--processes",
    "log_predictions": "--log-predictions",
}
"""Settings that mean one server and not many replicas behind a proxy that is not ours."""


def serve_on_ray(paths: Sequence[str], *, address: str, replicas: int | str, settings: Settings) -> None:
    """Deploys the models at `paths` and stays until SIGTERM or SIGINT, then takes them down.

    `address` is `local` (a cluster of this machine, which ends with us), `auto` (the one that runs here), `host:port`,
    or `ray://host:port`; `replicas` a number or `auto`. Raises `BackendError` without Ray, `UsageError` for an address
    where no cluster answers or a setting that cannot be meant, `TrainingError` where the cluster does not start it.
    """
    from ambidex.server.settings import Settings

    plain = Settings()
    for field, flag in _UNFIT.items():
        if getattr(settings, field) != getattr(plain, field):
            raise UsageError(expected("no such flag beside --ray", got=flag), where=flag)
    if find_spec("ray") is None:
        raise BackendError("Ray Serve needs ray >= 2.47 with its extra serve: pip install 'ambidex[ray]'.")
    bundles, models = _read(paths, settings)
    host, port = _free_address(address, settings)
    with _cluster(address), _stop_signals() as stopped:
        _deploy(bundles, replicas, settings, (host, port))
        url = f"http://{_seen_from_here(address, host)}:{port}"
        _wait_for_answer(url)
        from ambidex.server.serve import announce

        announce({"url": url, "grpc": None, "models": models}, json_output=settings.json_output)
        stopped.wait()
        _take_down(address)


def _read(paths: Sequence[str], settings: Settings) -> tuple[list[Any], list[dict[str, object]]]:
    """The files, and what they serve. Raises what a plain server would raise for them."""
    from pathlib import Path

    from ambidex.scale.bundle import pack
    from ambidex.server.serve import Loading

    repository, loader = Loading(paths, lambda: settings).result()
    models: list[dict[str, object]] = [{"name": one.name, "version": one.version} for one in repository.models()]
    loader.close_all()
    return [pack(Path(path)) for path in paths], models


def _free_address(address: str, settings: Settings) -> tuple[str, int]:
    """Host and port for Ray's proxy; on this machine they are tried first. Raises `UsageError`."""
    if address not in ("local", "auto"):
        return settings.host, settings.port or 8000
    from ambidex.server.serve import listen

    with listen(settings.host, settings.port) as listener:
        return settings.host, listener.getsockname()[1]


def _seen_from_here(address: str, host: str) -> str:
    """Where the proxy of the cluster's head answers."""
    if address in ("local", "auto"):
        return "127.0.0.1" if host == "0.0.0.0" else host  # noqa: S104 - compared, not listened on
    return address.removeprefix(_CLIENT).rpartition(":")[0]


@contextlib.contextmanager
def _cluster(address: str) -> Iterator[None]:
    """A connection to the cluster. Raises `UsageError` within a bounded time where there is none."""
    if address not in ("local", "auto"):
        _check_reachable(address)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nobody is told what is served here
    os.environ.setdefault("RAY_SERVE_LOG_TO_STDERR", "0")  # it has its own files for that
    import ray

    options: dict[str, Any] = {"include_dashboard": False} if address == "local" else {}
    try:
        ray.init(address=address, logging_level="warning", log_to_driver=False, **options)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        raise _no_cluster(address, str(error).partition("\n")[0]) from error
    try:
        yield
    finally:
        ray.shutdown()


def _check_reachable(address: str) -> None:
    """Ray itself would try for minutes, or end the process."""
    host, _, port = address.removeprefix(_CLIENT).rpartition(":")
    if not host or not port.isdigit():
        forms = "local, auto, HOST:PORT or ray://HOST:PORT"
        raise UsageError(expected(f"{forms} as the address of a cluster", got=address), where="--ray")
    try:
        socket.create_connection((host, int(port)), timeout=REACH_S).close()
    except (OSError, OverflowError) as error:
        raise _no_cluster(address, str(error)) from error


def _no_cluster(address: str, detail: str) -> UsageError:
    fix = "Start one with `ray start --head`, or use --ray local."
    return UsageError(expected("a Ray cluster that answers", got=detail, where=address, fix=fix), where="--ray")


@contextlib.contextmanager
def _stop_signals() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set."""
    stopped = threading.Event()
    numbers = (signal.SIGTERM, signal.SIGINT) if threading.current_thread() is threading.main_thread() else ()
    before = {number: signal.signal(number, lambda *_: stopped.set()) for number in numbers}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _deploy(bundles: Sequence[Any], replicas: int | str, settings: Settings, proxy: tuple[str, int]) -> None:
    """Runs the application on the cluster. Raises `TrainingError` where it does not start."""
    import msgspec
    import ray
    from ray import serve

    from ambidex.scale.replica import Replica

    # The files stay as they were read: another machine has no folder to look at.
    told = msgspec.structs.replace(settings, watch_seconds=0.0)
    host, port = proxy
    try:
        serve.start(http_options={"host": host, "port": port})
        limit = max(settings.limits.waiting, 1)
        deployment = serve.deployment(Replica, name=NAME, num_replicas=replicas, max_ongoing_requests=limit)
        application = deployment.bind([ray.put(bundle) for bundle in bundles], told)
        target = serve.RunTarget(application, name=NAME, route_prefix="/")
        serve.run_many([target], wait_for_applications_running=False)
        _wait_until_running()
    except AmbidexError:
        raise
    except Exception as error:
        raise TrainingError(f"Ray Serve did not take the application: {error}") from error


def _wait_until_running() -> None:
    from ray import serve

    end = time.monotonic() + START_S
    while True:
        state = serve.status().applications.get(NAME)
        status = state.status.value if state else "NOT_STARTED"
        if status == "RUNNING":
            return
        if status in ("DEPLOY_FAILED", "UNHEALTHY") or time.monotonic() > end:
            told = "; ".join(one.message for one in state.deployments.values()) if state else ""
            serve.delete(NAME, _blocking=False)
            fix = "Every node needs this version of ambidex and a free core per replica."
            raise TrainingError(expected("replicas that start", got=f"{status}: {told}".strip(": "), fix=fix))
        time.sleep(0.1)


def _wait_for_answer(url: str) -> None:
    """Only an address that answers is announced."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    end = time.monotonic() + REACH_S
    while True:
        connection = http.client.HTTPConnection(host, int(port), timeout=REACH_S)
        try:
            connection.request("GET", "/v2/health/live")
            if connection.getresponse().status == 200:
                return
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()
        if time.monotonic() > end:
            fix = "A Serve instance that ran before keeps its own --host and --port."
            raise TrainingError(expected("the application at Ray's proxy", got="no answer", where=url, fix=fix))
        time.sleep(0.1)


def _take_down(address: str) -> None:
    from ray import serve

    serve.delete(NAME)
    if address == "local":
        serve.shutdown()
