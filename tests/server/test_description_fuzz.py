"""The server does what its description says, in the judgement of schemathesis."""

from __future__ import annotations

import pytest

from tests.server.description_fuzz import judge
from tests.server.running import Server

pytest.importorskip("schemathesis", reason="schemathesis is not installed")

SOME = "^/models|^/v[12]/models/(houses|stats)|^/v2/(health|repository)|^/metrics"


def test_schemathesis_finds_no_fault(server: Server) -> None:
    verdict = judge(
        server,
        *("--phases", "examples,fuzzing", "--max-examples", "10", "--seed", "0"),
        *("--include-path-regex", SOME, "--exclude-path-regex", "/versions/"),
    )
    assert not verdict.findings, verdict.findings
    assert verdict.requests > 100
