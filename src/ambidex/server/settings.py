"""How to serve, and what one client may cost."""

from __future__ import annotations

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one client may cost. Sizes in bytes, times in seconds."""

    body: int = 32 * 1024 * 1024
    head: int = 64 * 1024
    headers: int = 100
    rows: int = 100_000
    connections: int = 4096
    waiting: int = 256
    request_time: float = 30.0
    idle_time: float = 75.0
    drain_time: float = 20.0
    worker_wait: float = 30.0
    worker_start: float = 300.0
    worker_time: float = 60.0


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to serve.

    With `is_batching`, small requests that wait at the same moment share a run. `processes` answer side by side, each
    with all of this; `threads` work inside one run of a model, `workers` (threads too; 0: one per core) on requests too
    long for the event loop. With `trust`, models that are programs are served too. Files are looked at every
    `watch_seconds` (0: never); `allow_control` lets clients load and unload. With `api_keys` every request but for
    health needs one of them. `tls_certificate` and `tls_key` are PEM files. When `is_quiet`, only what went wrong is
    logged. Every answered row goes into the SQLite file `log_predictions`, whose oldest rows go when it has `log_limit`
    bytes.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    grpc_port: int | None = None
    json_output: bool = False
    is_quiet: bool = False
    log_requests: bool = False
    is_batching: bool = True
    log_predictions: str = ""
    log_limit: int = 1024 * 1024 * 1024
    trust: bool = False
    processes: int = 1
    threads: int = 1
    workers: int = 0
    allow_control: bool = False
    watch_seconds: float = 1.0
    api_keys: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ()
    tls_certificate: str = ""
    tls_key: str = ""
    limits: Limits = Limits()
