"""What is measured again, and what is known."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import msgspec

from ambidex.compare.column import COLUMNS, Division
from ambidex.compare.measure import Listener, measure
from tests.compare.samples import make_samples
from tests.compare.small import small_task


def test_what_is_left_of_a_run_that_was_cut_off_is_not_used(tmp_path: Path) -> None:
    names: tuple[Division, ...] = ("defaults", "matched")
    whole = [sample for name in names for sample in make_samples(name, {"torch": {}}, runs=1)]
    left = [msgspec.structs.replace(sample, run=1) for sample in whole if sample.quantity == "import_s"]
    prepared = small_task(tmp_path).prepared
    found = measure(
        prepared,
        [COLUMNS["torch"]],
        runs=1,
        folder=tmp_path / "turns",
        listener=cast(Listener, None),
        known=[*whole, *left],
    )
    assert found.samples == whole
    assert found.num_known == 1
