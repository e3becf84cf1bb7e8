"""The rows of the table: what each number is, how it was measured, and in which direction it is better."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
import numpy as np

Kind = Literal["start", "training", "memory", "accuracy", "prediction"]


class Quantity(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`of` names the samples a run's value is taken from and `level` the percentile of them (50: the median).

    `factor` turns seconds into the unit; a `rate` is that many per second.
    """

    name: str
    title: str
    unit: str
    kind: Kind
    of: str
    how: str
    level: float = 50.0
    factor: float = 1.0
    rate: float = 0.0
    higher_is_better: bool = False

    def of_run(self, values: Sequence[float]) -> float:
        """The one number of a run."""
        middle = float(np.percentile(np.asarray(values, dtype=np.float64), self.level))
        return self.rate / middle if self.rate else self.factor * middle


ONE_ROW = "from an array of one row to an array of raw outputs, after warm-up; the run's calls together"
QUANTITIES: tuple[Quantity, ...] = (
    Quantity(
        name="import",
        title="import",
        unit="s",
        kind="start",
        of="import_s",
        how="the framework's import in a fresh process; the files are in the page cache (warm)",
    ),
    Quantity(
        name="create",
        title="first model ready",
        unit="s",
        kind="start",
        of="create_s",
        how=(
            "the first network of the process, with its optimizer where the column trains, and with what the framework "
            "loads only then"
        ),
    ),
    Quantity(
        name="first_step",
        title="first training step, with compilation",
        unit="s",
        kind="start",
        of="first_step_s",
        how="one batch of the first call that trains; compilers begin with an empty cache",
    ),
    Quantity(
        name="cached_step",
        title="first training step, compiler's cache on the disk",
        unit="s",
        kind="start",
        of="cached_step_s",
        how="the same in later runs of torch.compile, which finds its cache",
    ),
    Quantity(
        name="epoch",
        title="epoch of {rows} rows",
        unit="s",
        kind="training",
        of="epoch_s",
        how="on the clock, validation not included; a whole epoch before it is not counted",
    ),
    Quantity(
        name="epoch_cpu",
        title="processor time of an epoch",
        unit="s",
        kind="training",
        of="epoch_cpu_s",
        how="the same in processor seconds of all threads: what other programs on the machine do matters less",
    ),
    Quantity(
        name="throughput",
        title="training throughput",
        unit="rows/s",
        kind="training",
        of="epoch_s",
        rate=1.0,
        higher_is_better=True,
        how="rows of an epoch divided by its time",
    ),
    Quantity(
        name="time_to_loss",
        title="time to the same validation loss",
        unit="s",
        kind="training",
        of="time_to_loss_s",
        how="first step and epochs until the best loss that every column reaches in this run",
    ),
    Quantity(
        name="import_memory",
        title="memory after import",
        unit="MiB",
        kind="memory",
        of="import_memory_mib",
        how="the most that was resident in the process",
    ),
    Quantity(
        name="memory",
        title="peak memory",
        unit="MiB",
        kind="memory",
        of="memory_mib",
        how="the most that was resident in the process, data included",
    ),
    Quantity(
        name="device_memory",
        title="peak memory on the GPU",
        unit="MiB",
        kind="memory",
        of="device_memory_mib",
        how="the most that the framework's allocator held",
    ),
    Quantity(
        name="loss",
        title="validation loss at the end",
        unit="",
        kind="accuracy",
        of="final_loss",
        how="one NumPy formula in float64 over every column's raw outputs; a seed per run",
    ),
    Quantity(
        name="quality",
        title="{accuracy}",
        unit="",
        kind="accuracy",
        of="quality",
        how="{right}, on the validation rows; a seed per run",
    ),
    *(
        Quantity(
            name=f"one_row_p{level}",
            title=f"predict one row, p{level}",
            unit="ms",
            kind="prediction",
            of="one_row_s",
            level=float(level),
            factor=1000.0,
            how=ONE_ROW,
        )
        for level in (50, 95, 99)
    ),
    Quantity(
        name="predict_throughput",
        title="predict {many_rows} rows at once",
        unit="rows/s",
        kind="prediction",
        of="many_rows_s",
        rate=1.0,
        higher_is_better=True,
        how="{many_rows} rows in one call, from arrays to an array",
    ),
)
"""Every row, in the order of the table; names in braces and rates of 1 are settled by `quantities`."""


def quantities(*, rows: int, many_rows: int, is_classification: bool) -> tuple[Quantity, ...]:
    """The rows of a comparison whose epochs have so many rows."""
    words = {
        "rows": rows,
        "many_rows": many_rows,
        "accuracy": "accuracy" if is_classification else "root mean squared error",
        "right": "share of right classes" if is_classification else "error in standard deviations of the target",
    }
    counts = {"epoch_s": float(rows), "many_rows_s": float(many_rows)}
    return tuple(
        msgspec.structs.replace(
            quantity,
            title=quantity.title.format_map(words),
            how=quantity.how.format_map(words),
            rate=quantity.rate * counts.get(quantity.of, 0.0),
            higher_is_better=is_classification if quantity.name == "quality" else quantity.higher_is_better,
        )
        for quantity in QUANTITIES
    )
