"""The server does what its description says, in the judgement of schemathesis."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from tests.server.description_fuzz import judge
from tests.server.foreign.models import adult_pipeline
from tests.server.foreign.processes import wait_for
from tests.server.foreign.test_protocols import write_onnx
from tests.server.running import Server, running

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


def test_schemathesis_finds_no_fault_with_foreign_models(tmp_path: Path) -> None:
    (tmp_path / "pipeline.pkl").write_bytes(pickle.dumps(adult_pipeline()[0]))
    paths = [tmp_path / "pipeline.pkl", write_onnx(tmp_path / "sum.onnx")]
    with running(paths, {"trust": True, "is_quiet": True}) as server:
        for name in ("pipeline", "sum"):
            wait_for(server, name)
        verdict = judge(
            server,
            *("--phases", "examples,coverage,fuzzing", "--max-examples", "10", "--seed", "0"),
            *("--include-path-regex", "/(pipeline|sum)", "--exclude-path-regex", "/versions/"),
        )
    assert not verdict.findings, verdict.findings
    assert verdict.requests > 100
