"""The command `serve` as people start it: a process, one request, a signal."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.server.models import write_houses, write_oil

import ambidex
from ambidex.cli.main import Parser
from ambidex.cli.serve import LIMITS, add_arguments, settings_of
from ambidex.errors import InputFileError, UsageError
from ambidex.server.settings import Limits, Settings

SOURCE = Path(ambidex.__file__).parent.parent


def start(*words: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "ambidex", "serve", *map(str, words)]
    env = {**os.environ, "PYTHONPATH": str(SOURCE)}
    return subprocess.Popen(command, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@contextmanager
def served(*words: object) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A started server and the first line that it printed."""
    process = start(*words)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line, process.communicate(timeout=20)[1]
        yield process, line
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=20)


def post(url: str, body: object, headers: dict[str, str] | None = None) -> Any:
    raw = json.dumps(body).encode()
    asked = urllib.request.Request(url, raw, {"Content-Type": "application/json", **(headers or {})})
    with urllib.request.urlopen(asked, timeout=20) as response:
        return json.load(response)


def stop(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    process.send_signal(signal.SIGTERM)
    output, errors = process.communicate(timeout=30)
    return process.returncode, output, errors


def settings(*words: str) -> Settings:
    parser = Parser(prog="ambidex serve", allow_abbrev=False)
    add_arguments(parser)
    return settings_of(parser.parse_args(["models", *words]))


def test_serves_until_told_to_stop(tmp_path: Path) -> None:
    with served(write_houses(tmp_path), "--port", "0") as (process, line):
        words = line.split()
        assert words[0] == "Serving"
        assert words[1].startswith("http://127.0.0.1:")
        answer = post(f"{words[1]}/models/houses/predict", {"rows": [{"rooms": 4}]})
        assert answer == {"predictions": [{"price": 8.0}]}
        assert stop(process) == (0, "", "")


def test_with_json_the_announcement_is_one_object_with_the_grpc_address(tmp_path: Path) -> None:
    pytest.importorskip("grpc")
    write_oil(tmp_path)
    write_houses(tmp_path)
    with served(tmp_path, "--port", "0", "--grpc-port", "0", "--json", "--quiet") as (process, line):
        announced = json.loads(line)
        assert announced["models"] == [{"name": "houses", "version": 1}, {"name": "oil", "version": 1}]
        host, _, port = announced["grpc"].rpartition(":")
        socket.create_connection((host, int(port)), timeout=20).close()
        assert stop(process) == (0, "", "")


def test_keys_logs_and_control_come_from_flags(tmp_path: Path) -> None:
    keys = tmp_path / "keys.txt"
    keys.write_text("# ours\nsecret\n", encoding="utf-8")
    words = [write_houses(tmp_path), "--port", "0", "--api-keys", keys, "--allow-control", "--log-requests"]
    with served(*words) as (process, line):
        url = line.split()[1]
        with pytest.raises(urllib.error.HTTPError, match="401"):
            post(f"{url}/models/houses/predict", {"rows": []})
        known = {"X-API-Key": "secret"}
        assert post(f"{url}/v2/repository/index", {}, known)[0]["name"] == "houses"
        urllib.request.urlopen(
            urllib.request.Request(f"{url}/v2/repository/models/houses/load", b"{}", known), timeout=20
        ).close()
        status, _, errors = stop(process)
    events = [json.loads(text)["event"] for text in errors.splitlines()]
    assert (status, events.count("request"), events.count("loaded")) == (0, 3, 1)


def failure(*words: object) -> str:
    """What the command says when it ends with 2 instead of serving."""
    process = start(*words, "--json")
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 2, errors
    assert errors.startswith("ambidex: ")
    assert errors.count("\n") == 1
    told = json.loads(output)["error"]
    assert f"ambidex: {told['message']}\n" == errors
    return errors


def test_what_cannot_be_served_ends_with_one_message(tmp_path: Path) -> None:
    houses = write_houses(tmp_path / "one")
    assert "nothing at" in failure(tmp_path / "missing.ambidex")
    assert "one model per name" in failure(houses, write_houses(tmp_path / "two"))
    broken = tmp_path / "broken.ambidex"
    broken.write_bytes(houses.read_bytes()[:-100])
    assert "broken.ambidex" in failure(broken)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert "in use" in failure(houses, "--port", taken.getsockname()[1])
    assert "certificate" in failure(houses, "--port", "0", "--tls-certificate", tmp_path / "none.pem")


def test_every_limit_has_a_flag_whose_help_states_the_default() -> None:
    assert list(LIMITS) == list(Limits.__struct_fields__)
    shown = {"body": "32 MiB", "head": "64 KiB"}
    for name, (_, _, text) in LIMITS.items():
        value = shown.get(name) or f"{getattr(Limits(), name):g}"
        assert f"({value})" in text.replace("100000", "100000" if value != "1e+05" else "1e+05")


def test_flags_become_settings() -> None:
    assert settings() == Settings()
    words = ["--threads", "2", "--request-threads", "3", "--watch", "0", "--cors", "https://a.example"]
    words += ["--max-body", "9", "--request-timeout", "0.5", "--api-key", "x", "--api-key", "y", "--quiet"]
    assert settings(*words) == Settings(
        threads=2,
        workers=3,
        watch_seconds=0.0,
        cors_origins=("https://a.example",),
        limits=Limits(body=9, request_time=0.5),
        api_keys=("x", "y"),
        is_quiet=True,
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--port", "99999"], "whole number from 0 to 65535, got '99999'"),
        (["--max-body", "0"], "from 1 to"),
        (["--idle-timeout", "nan"], "seconds from 0 to 86400, got 'nan'"),
        (["--idle-timeout", "soon"], "got 'soon'"),
        (["--api-key", ""], "visible ASCII"),
        (["--api-key", "two words"], "visible ASCII"),
        (["--tls-key", "key.pem"], "--tls-certificate"),
        (["--cors", "not an origin"], r"Expected \* or an origin such as https://page.example, got 'not an origin'"),
        (["--cors", ""], "got ''"),
        (["--cors", "page.example"], "got 'page.example'"),
        (["--cors", "https://"], "got 'https://'"),
        (["--cors", "https://page.example/"], "Browsers send 'https://page.example' for it."),
        (["--cors", "https://page.example/app?x#y"], "Browsers send 'https://page.example' for it."),
        (["--cors", "HTTPS://Page.Example:443"], "Browsers send 'https://page.example' for it."),
        (["--cors", "https://user@page.example"], "got 'https://user@page.example'"),
        (["--cors", "https://page.example:port"], "got 'https://page.example:port'"),
        (["--cors", "https://höhle.example"], "got "),
    ],
)
def test_flags_that_cannot_be_meant_are_refused(words: list[str], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        settings(*words)


@pytest.mark.parametrize("origin", ["*", "http://localhost:3000", "https://page.example", "http://[::1]:8000"])
def test_an_origin_is_one_that_browsers_send(origin: str) -> None:
    assert settings("--cors", origin).cors_origins == (origin,)


def test_a_file_of_keys_must_be_there_and_hold_one(tmp_path: Path) -> None:
    path = tmp_path / "keys.txt"
    with pytest.raises(InputFileError, match="No such file"):
        settings("--api-keys", str(path))
    path.write_text("# none\n", encoding="utf-8")
    with pytest.raises(UsageError, match="a key per line, got none"):
        settings("--api-keys", str(path))
