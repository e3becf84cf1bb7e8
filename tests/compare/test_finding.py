from __future__ import annotations

import re

import msgspec
import pytest

from ambidex.compare.comparison import Compilation, ExportResult
from ambidex.compare.finding import BEGINNINGS, amount, between, compilation_sentence, digits, find
from ambidex.compare.sample import Failure
from tests.compare.samples import make_comparison, make_empty

TITLES = {"tensorflow-xla": "TensorFlow XLA", "tensorflow": "TensorFlow graph"}


@pytest.fixture(scope="module")
def findings() -> str:
    return "\n".join(make_comparison().findings)


def test_a_difference_is_said_with_both_figures(findings: str) -> None:
    line = next(line for line in findings.splitlines() if line.startswith("Defaults: To import, PyTorch eager needed "))
    assert re.search(r"; TensorFlow graph [\d.]+ s more \([\d.]+ ×, [\d.]+ to [\d.]+\)", line)
    assert "ONNX Runtime" in line


def test_a_row_that_a_runtime_takes_part_in_speaks_of_no_optimizer() -> None:
    row = next(row for row in make_comparison().divisions[0].rows if row.name == "create")
    assert "onnxruntime" in row.cells
    assert row.title == "first model ready"
    assert row.how.startswith("the first network of the process, with its optimizer where the column trains")
    assert "optimizer" not in BEGINNINGS["create"]


def test_what_did_not_differ_is_said_too(findings: str) -> None:
    line = next(line for line in findings.splitlines() if "no measurable difference between TensorFlow graph" in line)
    assert "epoch of 1024 rows" in line
    assert "import;" not in line


def test_matched_says_whether_it_was_the_same_computation(findings: str) -> None:
    together = (
        "Matched: TensorFlow graph, TensorFlow XLA and PyTorch eager computed the same thing: the loss of the first"
    )
    assert together in findings


def test_nobody_is_called_the_winner(findings: str) -> None:
    assert not {"winner", "wins", "best", "beats", "faster than all"} & set(findings.lower().split())


def test_few_runs_are_admitted() -> None:
    assert any("(3 runs show only large and steady differences)" in text for text in make_comparison(runs=3).findings)


def test_what_three_runs_only_show_is_said_with_its_figures() -> None:
    findings = make_comparison(runs=3, noise=0.35).findings
    (line,) = (line for line in findings if line.startswith("Defaults: seen, but not confirmed by 3 runs: "))
    assert re.search(r" import \(PyTorch eager [\d.]+ s, TensorFlow graph [\d.]+ s, ONNX Runtime [\d.]+ ms\);", line)
    quiet = [line for line in findings if "no measurable difference between TensorFlow graph" in line]
    assert not any(" import;" in line for line in quiet)


def test_one_run_tells_nothing_apart() -> None:
    findings = make_comparison(runs=1).findings
    assert "Defaults: one run cannot tell columns apart; take more with --runs." in findings
    assert not any("no measurable difference" in text for text in findings)


def test_a_failure_is_a_finding() -> None:
    failure = Failure(division="matched", column="tensorflow", run=2, reason="epoch: memory ran out")
    comparison = msgspec.structs.replace(make_comparison(runs=3), failures=(failure,))
    assert "Matched: TensorFlow graph failed in run 3: epoch: memory ran out" in find(comparison)


def test_a_division_without_a_finished_column_is_a_finding() -> None:
    comparison = make_comparison(runs=3)
    defaults, _ = comparison.divisions
    found = find(msgspec.structs.replace(comparison, divisions=(defaults, make_empty("matched"))))
    assert "Matched: nothing was measured, because no column came to its end." in found
    assert [text for text in found if text.startswith("Defaults")] == [
        text for text in find(comparison) if text.startswith("Defaults")
    ]


def test_a_different_computation_is_not_glossed_over() -> None:
    comparison = make_comparison(runs=3)
    defaults, matched = comparison.divisions
    apart = msgspec.structs.replace(matched.sameness["tensorflow"], first_step_loss=1e-3)
    matched = msgspec.structs.replace(matched, sameness={"tensorflow": apart})
    found = find(msgspec.structs.replace(comparison, divisions=(defaults, matched)))
    assert any("TensorFlow graph and PyTorch eager did not compute the same thing" in text for text in found)


def test_compilation_is_counted_in_epochs() -> None:
    one = Compilation(column="tensorflow-xla", baseline="tensorflow", cost_s=2.5, saved_s_per_epoch=0.3, epochs=8.3)
    assert compilation_sentence(one, TITLES) == (
        "compiling (TensorFlow XLA) cost 2.5 s before the first epoch, "
        "saved 300 ms per epoch, and paid off after 9 epochs."
    )


def test_compilation_that_does_not_pay_is_said() -> None:
    one = Compilation(column="tensorflow-xla", baseline="tensorflow", cost_s=2.5, saved_s_per_epoch=0.0, epochs=None)
    assert "did not pay off" in compilation_sentence(one, TITLES)


def test_exports_are_said_with_their_difference_or_their_reason() -> None:
    exports = (
        ExportResult(target="onnx", seconds=0.02, size_bytes=2**20, max_abs=1e-7, passed=True),
        ExportResult(target="keras", seconds=2.0, size_bytes=2**20, max_abs=1e-3),
        ExportResult(target="mlflow", seconds=2.0, size_bytes=2**20, reason="written, but could not be run here"),
        ExportResult(target="litert", reason="no litert here"),
    )
    found = find(msgspec.structs.replace(make_comparison(runs=3), exports=exports))
    assert any(
        text.startswith("Exports within their tolerance") and "onnx (20 ms, 1 MiB, 1.0e-07)" in text for text in found
    )
    assert "Export to keras differs by 1.0e-03 from the reference, beyond its tolerance." in found
    assert "Export to mlflow took 2 s and 1 MiB, written, but could not be run here." in found
    assert "Export to litert failed: no litert here" in found


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(0.0123, "s", "12.3 ms"), (2.345, "s", "2.35 s"), (123456.0, "rows/s", "123 000 rows/s"), (0.85, "", "0.85")],
)
def test_amounts_have_three_digits(value: float, unit: str, text: str) -> None:
    assert amount(value, unit) == text


def test_bounds_share_their_unit() -> None:
    assert between(0.01, 0.02, "s") == "10 – 20 ms"
    assert between(0.9, 2.0, "s") == "0.9 – 2 s"


def test_numbers_that_are_none_are_a_dash() -> None:
    assert digits(float("nan")) == "–"


def test_what_only_one_run_shows_is_not_called_equal() -> None:
    comparison = make_comparison(runs=5)
    defaults, matched = comparison.divisions
    row = next(row for row in defaults.rows if row.name == "first_step")
    contrast = row.contrasts["tensorflow"]
    once = msgspec.structs.replace(contrast.ratio, runs=1)
    contrast = msgspec.structs.replace(contrast, ratio=once, p=1.0, is_measurable=False)
    changed = msgspec.structs.replace(row, contrasts={**row.contrasts, "tensorflow": contrast})
    rows = tuple(changed if one is row else one for one in defaults.rows)
    defaults = msgspec.structs.replace(defaults, rows=rows)
    found = find(msgspec.structs.replace(comparison, divisions=(defaults, matched)))
    assert any("only one run, which tells nothing apart, has first training step" in text for text in found)
    quiet = [text for text in found if text.startswith("Defaults: no measurable difference between TensorFlow graph")]
    assert not any("first training step" in text for text in quiet)
