from __future__ import annotations

import msgspec
import pytest

from ambidex.compare.comparison import Compilation, ExportResult
from ambidex.compare.finding import amount, between, compilation_sentence, digits, export_sentence, find, times
from ambidex.compare.sample import Failure
from tests.compare.samples import make_comparison

TITLES = {"tensorflow-xla": "TensorFlow XLA", "tensorflow": "TensorFlow graph"}


@pytest.fixture(scope="module")
def findings() -> str:
    return "\n".join(make_comparison().findings)


def test_a_difference_is_said_with_both_figures(findings: str) -> None:
    assert "Defaults: TensorFlow graph needed " in findings
    assert " more than PyTorch eager to import (" in findings
    assert "; quotient " in findings


def test_what_did_not_differ_is_said_too(findings: str) -> None:
    line = next(line for line in findings.splitlines() if "no measurable difference between TensorFlow graph" in line)
    assert "epoch of 1024 rows" in line
    assert "import," not in line


def test_matched_says_whether_it_was_the_same_computation(findings: str) -> None:
    assert "Matched: TensorFlow graph and PyTorch eager computed the same thing: the loss of the first step" in findings


def test_nobody_is_called_the_winner(findings: str) -> None:
    assert not {"winner", "wins", "best", "beats", "faster than all"} & set(findings.lower().split())


def test_few_runs_are_admitted() -> None:
    assert any("(3 runs show only large and steady differences)" in text for text in make_comparison(runs=3).findings)


def test_one_run_tells_nothing_apart() -> None:
    findings = make_comparison(runs=1).findings
    assert "Defaults: one run cannot tell columns apart; take more with --runs." in findings
    assert not any("no measurable difference" in text for text in findings)


def test_a_failure_is_a_finding() -> None:
    failure = Failure(division="matched", column="tensorflow", run=2, reason="epoch: memory ran out")
    comparison = msgspec.structs.replace(make_comparison(runs=3), failures=(failure,))
    assert "Matched: TensorFlow graph failed in run 3: epoch: memory ran out" in find(comparison)


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


def test_an_export_is_said_with_its_difference_or_its_reason() -> None:
    done = ExportResult(target="onnx", seconds=0.02, size_bytes=2**20, max_abs=1e-7, passed=True)
    assert "took 20 ms and 1 MiB, and differs by at most 1.0e-07" in export_sentence(done)
    failed = ExportResult(target="litert", reason="no litert here")
    assert export_sentence(failed) == "Export to litert failed: no litert here"


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


def test_factors_read_before_the_time_of() -> None:
    assert (times(2.5), times(0.74)) == ("2.5 times", "74 % of")
