"""Answer requests over HTTP with onnxruntime alone, until SIGTERM or Ctrl-C.

Prints "Serving http://127.0.0.1:8080" on standard output once it answers; with --json {"url", "grpc", "models"}.
A folder holds NAME.ambidex files or NAME/1.ambidex, NAME/2.ambidex, …; the highest number is the default version.
Files that are new or changed are loaded aside and go live without a failed request; a broken one replaces nothing.

Examples:
  ambidex serve adult.ambidex oil.ambidex --port 8080
  curl -d '{"rows": [{"age": 39, …}]}' http://127.0.0.1:8080/models/adult/predict
  ambidex serve models/ --host 0.0.0.0 --api-keys keys.txt --tls-certificate cert.pem --tls-key key.pem
  ambidex serve models/ --grpc-port 8081 --allow-control --log-requests
  ambidex serve models/ --ray auto --replicas 4
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

from ambidex.cli.output import add_output_arguments
from ambidex.errors import InputFileError, UsageError, expected

if TYPE_CHECKING:
    from ambidex.server.settings import Limits, Settings

LIMITS: dict[str, tuple[str, str, str]] = {
    "body": ("--max-body", "BYTES", "the largest body of a request (32 MiB)"),
    "head": ("--max-head", "BYTES", "the largest head of a request (64 KiB)"),
    "headers": ("--max-headers", "N", "the most header lines of a request (100)"),
    "rows": ("--max-rows", "N", "the most rows or steps of a request (100000)"),
    "connections": ("--max-connections", "N", "the most open connections; others get 503 (4096)"),
    "waiting": ("--max-waiting", "N", "the most requests that wait for a thread; others get 503 (256)"),
    "request_time": ("--request-timeout", "SECONDS", "how long a client may take to send a request (30)"),
    "idle_time": ("--idle-timeout", "SECONDS", "how long an open connection may be silent (75)"),
    "drain_time": ("--drain-timeout", "SECONDS", "how long requests may still run after SIGTERM (20)"),
    "worker_wait": ("--worker-wait", "SECONDS", "how long a request waits for a foreign model that loads (30)"),
    "worker_start": ("--worker-start", "SECONDS", "how long a foreign model may take to load (300)"),
    "worker_time": ("--worker-timeout", "SECONDS", "how long a foreign model may take for one request (60)"),
}
"""Field of the server's limits to its flag, the unit, and its help."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `serve`."""
    parser.add_argument("paths", metavar="FILE_OR_FOLDER", nargs="+")
    parser.add_argument(
        "--trust",
        action="store_true",
        help="also serve models that are programs: pickles, SavedModels, TorchScript and .pt2 files",
    )
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on; 0.0.0.0 for all (127.0.0.1)")
    parser.add_argument("--port", type=whole(65535), default=8080, help="0 takes a free one (8080)")
    parser.add_argument(
        "--grpc-port", type=whole(65535), metavar="PORT", help="the Open Inference Protocol over gRPC (ambidex[grpc])"
    )
    _add_access(parser)
    _add_work(parser)
    _add_cluster(parser)
    group = parser.add_argument_group("limits")
    for name, (flag, unit, text) in LIMITS.items():
        kind = seconds if unit == "SECONDS" else whole(2**40, least=1)
        group.add_argument(flag, dest=f"limit_{name}", type=kind, metavar=unit, help=text)
    add_output_arguments(parser)


def _add_access(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("who may ask")
    group.add_argument(
        "--api-key", action="append", default=[], metavar="KEY", help="ask for this key in X-API-Key; repeatable"
    )
    group.add_argument("--api-keys", metavar="FILE", help="the same from a file, one key per line, # for comments")
    group.add_argument(
        "--cors", action="append", default=[], metavar="ORIGIN", help="let pages from there read answers; * for all"
    )
    group.add_argument("--tls-certificate", default="", metavar="FILE.pem", help="speak HTTPS (and TLS over gRPC)")
    group.add_argument("--tls-key", default="", metavar="FILE.pem", help="the certificate's key, if in its own file")
    group.add_argument(
        "--allow-control", action="store_true", help="let clients load and unload models (repository extension)"
    )


def _add_work(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("how it works")
    group.add_argument(
        "--processes", type=whole(256, least=1), default=1, metavar="N", help="processes that answer side by side (1)"
    )
    group.add_argument(
        "--threads",
        type=whole(1024),
        default=1,
        metavar="N",
        help="threads inside one run; 0: all cores, shared among the processes (1)",
    )
    group.add_argument(
        "--request-threads",
        type=whole(1024),
        default=0,
        metavar="N",
        help="threads that large requests share; 0: one per core (0)",
    )
    group.add_argument(
        "--watch", type=seconds, default=1.0, metavar="SECONDS", help="look for changed files so often; 0: never (1)"
    )
    group.add_argument(
        "--no-batching",
        action="store_true",
        help="let no two requests share a run of a model, even where that is faster",
    )
    group.add_argument("--log-requests", action="store_true", help="a line of JSON on standard error per request")
    group.add_argument(
        "--log-predictions",
        default="",
        metavar="FILE.sqlite",
        help="every answered row: time, inputs, outputs, latency",
    )
    group.add_argument(
        "--log-limit",
        type=whole(2**50, least=2**20),
        default=2**30,
        metavar="BYTES",
        help="the most that the prediction log holds; the oldest rows go (1 GiB)",
    )


def _add_cluster(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("several machines")
    group.add_argument(
        "--ray",
        metavar="ADDRESS",
        help="deploy on Ray Serve (ambidex[ray]): local, auto, HOST:PORT or ray://HOST:PORT",
    )
    group.add_argument(
        "--replicas",
        type=replicas,
        metavar="N",
        help="with --ray: how many answer; auto: as many as the load asks for (1)",
    )


def replicas(text: str) -> int | str:
    """A reader of `auto` or a number."""
    return text if text == "auto" else whole(10_000, least=1)(text)


def whole(most: int, *, least: int = 0) -> Callable[[str], int]:
    """A reader of whole numbers from `least` to `most`."""

    def read(text: str) -> int:
        number = int(text) if text.isascii() and text.isdigit() else -1
        if not least <= number <= most:
            raise argparse.ArgumentTypeError(expected(f"a whole number from {least} to {most}", got=repr(text)))
        return number

    return read


def seconds(text: str) -> float:
    """A reader of times up to a day."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 86_400:
        raise argparse.ArgumentTypeError(expected("seconds from 0 to 86400", got=repr(text)))
    return number


def run(args: argparse.Namespace) -> int:
    """Runs the command."""
    if args.ray is not None:
        return run_on_ray(args)
    if args.replicas is not None:
        raise UsageError(expected("--ray beside --replicas", got="none"), where="--replicas")
    from ambidex.server.serve import serve

    serve(
        args.paths,
        host=args.host,
        port=args.port,
        grpc_port=args.grpc_port,
        json_output=args.json,
        settings=settings_of(args) if args.processes > 1 else lambda: settings_of(args),
    )
    return 0


def run_on_ray(args: argparse.Namespace) -> int:
    """The same on a cluster."""
    import msgspec

    from ambidex.scale.ray_serve import serve_on_ray

    addresses = {"host": args.host, "port": args.port, "grpc_port": args.grpc_port, "json_output": args.json}
    settings = msgspec.structs.replace(settings_of(args), **addresses)
    serve_on_ray(args.paths, address=args.ray, replicas=args.replicas or 1, settings=settings)
    return 0


def settings_of(args: argparse.Namespace) -> Settings:
    """What the flags say. Raises `UsageError` or `InputFileError`."""
    from ambidex.server.settings import Settings

    if args.tls_key and not args.tls_certificate:
        raise UsageError(expected("--tls-certificate beside --tls-key", got="none"), where="--tls-key")
    return Settings(
        is_quiet=args.quiet,
        log_requests=args.log_requests,
        is_batching=not args.no_batching,
        log_predictions=args.log_predictions,
        log_limit=args.log_limit,
        trust=args.trust,
        processes=args.processes,
        threads=args.threads,
        workers=args.request_threads,
        allow_control=args.allow_control,
        watch_seconds=args.watch,
        api_keys=read_keys(args.api_key, args.api_keys),
        cors_origins=read_origins(args.cors),
        tls_certificate=args.tls_certificate,
        tls_key=args.tls_key,
        limits=_limits_of(args),
    )


def _limits_of(args: argparse.Namespace) -> Limits:
    from ambidex.server.settings import Limits

    given = {name: getattr(args, f"limit_{name}") for name in LIMITS}
    return Limits(**{name: value for name, value in given.items() if value is not None})


def read_keys(given: list[str], path: str | None) -> tuple[str, ...]:
    """The keys of the flags and of the file. Raises `UsageError` for one that no header can carry."""
    keys = list(given)
    if path is not None:
        try:
            with open(path, encoding="utf-8") as file:
                lines = [line.strip() for line in file]
        except (OSError, UnicodeDecodeError) as error:
            got = getattr(error, "strerror", None) or "other bytes"
            raise InputFileError(expected("a text file of keys", got=got, where=path), where=path) from error
        keys += [line for line in lines if line and not line.startswith("#")]
        if not keys:
            raise UsageError(expected("a key per line", got="none", where=path), where="--api-keys")
    for key in keys:
        # An empty key would let everybody in; spaces do not survive a header.
        if not key or not key.isascii() or not key.isprintable() or " " in key:
            fix = "Choose others, such as from: openssl rand -hex 24"
            raise UsageError(expected("keys of visible ASCII letters", got="another one", fix=fix), where="--api-key")
    return tuple(keys)


def read_origins(given: list[str]) -> tuple[str, ...]:
    """The origins of `--cors`. Raises `UsageError` for one that no browser sends, which would never match."""
    for origin in given:
        sent = origin if origin == "*" else _sent_origin(origin)
        if not sent or sent != origin:
            fix = f"Browsers send {sent!r} for it." if sent else ""
            what = "* or an origin such as https://page.example"
            raise UsageError(expected(what, got=repr(origin), fix=fix), where="--cors")
    return tuple(given)


def _sent_origin(address: str) -> str:
    """The origin that a browser sends for pages of an address; nothing for what is none."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    is_plain = address.isascii() and address.isprintable() and not set(" @*\\") & set(address)
    if not (parts.scheme and host and is_plain):
        return ""
    is_usual = port is None or {"http": 80, "https": 443}.get(parts.scheme) == port
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}" + ("" if is_usual else f":{port}")
