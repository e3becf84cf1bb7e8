"""What `deploy/` tells containers and KServe is what the server does."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

from ambidex.cli.serve import add_arguments
from ambidex.server.router import Router

DEPLOY = Path(__file__).parents[2] / "deploy"


def test_the_container_starts_the_server_with_flags_it_knows() -> None:
    text = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
    (words,) = re.findall(r"^ENTRYPOINT (\[.*\])$", text, re.MULTILINE)
    command, name, *arguments = json.loads(words)
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    args = parser.parse_args(arguments)
    assert (command, name) == ("ambidex", "serve")
    assert f"COPY models/ {args.paths[0]}/" in text
    assert f"EXPOSE {args.port} {args.grpc_port}" in text
    assert "torch" not in text.split("FROM")[1].lower()


def test_kserve_asks_for_ports_and_paths_that_answer() -> None:
    text = (DEPLOY / "inferenceservice.yaml").read_text(encoding="utf-8")
    paths = re.findall(r"path: (\S+), port: (\d+)", text)
    assert len(paths) == 2
    for path, port in paths:
        assert port == "8080"
        Router().find(b"GET", path.encode())
