from __future__ import annotations

import numpy as np
import pytest

from ambidex.compare.column import COLUMNS
from ambidex.compare.comparison import DivisionResult, Row
from ambidex.compare.quantity import quantities
from ambidex.compare.sample import Sample
from ambidex.compare.table import gather_samples, make_division
from tests.compare.samples import FACTORS, MANY, ROWS, make_empty, make_samples

COLUMNS_HERE = [COLUMNS[name] for name in FACTORS]


def division(samples: list[Sample], name: str = "matched") -> DivisionResult:
    assert name in ("defaults", "matched")
    rows = quantities(rows=ROWS, many_rows=MANY, is_classification=True)
    return make_division(gather_samples(name, COLUMNS_HERE, samples), rows)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def result() -> DivisionResult:
    return division(make_samples("matched", FACTORS))


def row(result: DivisionResult, name: str) -> Row:
    return next(row for row in result.rows if row.name == name)


def test_the_first_column_is_the_reference(result: DivisionResult) -> None:
    assert result.reference == "torch"
    assert "torch" not in row(result, "import").contrasts


def test_a_row_holds_medians_in_its_own_unit(result: DivisionResult) -> None:
    assert row(result, "import").cells["tensorflow"].median == pytest.approx(4.5, rel=0.5)
    assert row(result, "one_row_p50").cells["torch"].median == pytest.approx(0.4, rel=0.5)
    one, many = row(result, "one_row_p50").cells["torch"], row(result, "one_row_p99").cells["torch"]
    assert one.median <= many.median


def test_quotients_are_free_of_what_falls_on_both(result: DivisionResult) -> None:
    contrast = row(result, "import").contrasts["tensorflow"]
    assert contrast.is_measurable
    assert contrast.ratio.median == pytest.approx(3, rel=0.05)
    assert not row(result, "epoch").contrasts["tensorflow"].is_measurable


def test_throughput_is_the_other_side_of_time(result: DivisionResult) -> None:
    slower = row(result, "epoch").contrasts["tensorflow-xla"].ratio.median
    more = row(result, "throughput").contrasts["tensorflow-xla"].ratio.median
    assert more == pytest.approx(1 / slower)
    assert row(result, "throughput").higher_is_better


def test_onnx_runtime_has_no_training_rows(result: DivisionResult) -> None:
    assert "onnxruntime" not in row(result, "epoch").cells
    assert "onnxruntime" in row(result, "one_row_p50").cells


def test_compilation_pays_off_after_a_number_of_epochs(result: DivisionResult) -> None:
    (found,) = result.compilations
    assert (found.column, found.baseline) == ("tensorflow-xla", "tensorflow")
    assert found.epochs is not None
    assert found.epochs == pytest.approx(found.cost_s / found.saved_s_per_epoch)


def test_compilation_that_saves_nothing_never_pays_off() -> None:
    factors = {**FACTORS, "tensorflow-xla": {"first_step_s": 40.0}}
    (found,) = division(make_samples("matched", factors)).compilations
    assert found.epochs is None


def test_equal_losses_are_the_same_computation(result: DivisionResult) -> None:
    same = result.sameness["tensorflow"]
    assert (same.first_step_loss, same.curve, same.final_loss) == (0, 0, 0)
    assert same.seed_spread > 0


def test_defaults_are_never_called_the_same_computation() -> None:
    assert division(make_samples("defaults", FACTORS), "defaults").sameness == {}


def test_divisions_do_not_mix() -> None:
    both = make_samples("matched", FACTORS) + make_samples("defaults", {"torch": {"import_s": 100.0}})
    assert division(both) == division(make_samples("matched", FACTORS))


def test_time_to_a_loss_counts_the_first_step_and_the_epochs_before_it() -> None:
    def sample(column: str, quantity: str, *values: float) -> Sample:
        return Sample(division="matched", column=column, run=0, quantity=quantity, values=values)

    samples = []
    for column, losses in (("torch", (1.0, 0.5, 0.4, 0.3)), ("tensorflow", (1.0, 0.6, 0.5, 0.4))):
        samples += [
            sample(column, "first_step_s", 0.5),
            sample(column, "warm_up_s", 2.5),
            sample(column, "epoch_s", 1.0, 2.0, 2.0),
            sample(column, "validation_loss", *losses),
            sample(column, "one_row_s", 0.001),
        ]
    found = row(division(samples), "time_to_loss").cells
    # Both reach 0.4: torch after two epochs. The warm-up took half a second longer than an epoch.
    assert found["torch"].median == pytest.approx(0.5 + 0.5 + 3.0)
    assert found["tensorflow"].median == pytest.approx(0.5 + 0.5 + 5.0)


def test_a_column_that_failed_early_has_no_place_in_the_table() -> None:
    samples = make_samples("matched", FACTORS)
    others = [sample for sample in samples if sample.column != "tensorflow"]
    failed = [sample for sample in samples if sample.column == "tensorflow" and sample.quantity == "import_s"]
    found = division(others + failed)
    assert found == division(others)
    assert "tensorflow" not in found.columns
    assert not any("tensorflow" in row.cells or "tensorflow" in row.contrasts for row in found.rows)


def test_a_division_without_a_finished_column_is_a_table_of_nothing() -> None:
    found = make_empty("matched")
    assert (found.reference, found.columns) == ("torch", ("torch", "tensorflow"))
    assert found.rows
    assert not any(row.cells or row.contrasts for row in found.rows)
    assert (found.curves, found.compilations, found.sameness, found.one_row_ms, found.warm_up_s) == ({}, (), {}, {}, {})


def test_latencies_are_kept_as_quantiles(result: DivisionResult) -> None:
    values = result.one_row_ms["torch"]
    assert list(values) == sorted(values)
    assert np.median(values) == pytest.approx(row(result, "one_row_p50").cells["torch"].median, rel=0.3)
