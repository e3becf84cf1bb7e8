"""Artifacts of every format number stay readable, and answer as they did."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ambidex.artifact.format import FORMAT
from ambidex.export.answer import answer
from ambidex.graph import predict
from ambidex.schema import packed_layout
from ambidex.workflow.bundle import rows_of
from ambidex.workflow.load import load

FILES = sorted((Path(__file__).parent / "files").glob("format-*.ambidex"))
# The network runs in float32, on another machine's kernels: probabilities and ppm.
TOLERANCE = 1e-5


def test_every_format_number_has_a_table_and_a_series() -> None:
    names = {path.stem for path in FILES}
    assert names == {f"format-{number}-{kind}" for number in range(1, FORMAT + 1) for kind in ("table", "series")}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_golden_artifact_answers_as_it_did(path: Path) -> None:
    artifact = load(path)
    rows = rows_of(artifact.certificate, packed_layout(artifact.schema))
    for outputs in (answer(artifact.session, rows), predict(artifact.graph, rows, artifact.weights)):
        for name, written in artifact.certificate.outputs.items():
            if outputs[name].dtype.kind == "f":
                np.testing.assert_allclose(
                    outputs[name], np.array(written, dtype=np.float64), rtol=TOLERANCE, atol=TOLERANCE
                )
            else:
                assert outputs[name].tolist() == written
