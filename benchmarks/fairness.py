"""Is `ambidex compare` fair? PyTorch against itself must show no difference; a column slowed by 20 % must be found.

    python benchmarks/fairness.py                       # 20 comparisons of 9 runs; about an hour on 2 idle cores
    python benchmarks/fairness.py --comparisons 2 --runs 5

Each comparison measures three columns, all of them PyTorch in Matched: `a`, `b`, and `slow`, whose timed calls each
take 20 % longer. The places of the three in the order of turns rotate. Asked is (1) whether any row tells a from b,
and (2) whether the epoch's time tells `slow` from `a`, with either of them as the reference. Only what a report calls
a measurable difference tells one from another. As in a report, processes are fresh in every run and take turns.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from ambidex.compare.column import Column
from ambidex.compare.comparison import DivisionResult
from ambidex.compare.measure import measure
from ambidex.compare.prepare import FULL, prepare_task
from ambidex.compare.quantity import quantities
from ambidex.compare.sample import Failure, Sample
from ambidex.compare.table import gather_samples, make_division
from ambidex.config import Given, resolve
from ambidex.data.read import read_table

DATA = Path(__file__).parent.parent / "examples" / "data" / "adult.csv.gz"
SLOWDOWN = 0.2
ROWS = 8192
TIMED = ("epoch", "epoch_cpu", "throughput", "one_row_p50", "predict_throughput")


class Quiet:
    """Nobody listens but for failures."""

    def on_sample(self, sample: Sample) -> None: ...

    def on_failure(self, failure: Failure) -> None:
        raise SystemExit(failure.reason)

    def on_command(self, done: int, total: int, text: str) -> None: ...


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--comparisons", type=int, default=20)
    parser.add_argument("--runs", type=int, default=FULL.runs)
    args = parser.parse_args()
    experiment = resolve(Given(values={"targets": ["income"], "plan.device": "cpu"}))
    effort = msgspec.structs.replace(FULL, rows=ROWS, runs=args.runs)
    task = prepare_task(experiment, read_table(DATA), effort)
    counts: dict[str, int] = {}
    for number in range(args.comparisons):
        columns = rotated(number)
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            found = measure(task.prepared, columns, runs=args.runs, folder=Path(folder) / "turns", listener=Quiet())
        told = judge(found.samples, columns, len(task.prepared.train), task.prepared.job.many_rows)
        for name, is_told in told.items():
            counts[name] = counts.get(name, 0) + is_told
        load = os.getloadavg()[0]
        print(
            f"{number + 1:>3} load {load:.1f}  " + ", ".join(name for name, is_told in told.items() if is_told),
            flush=True,
        )
    print(f"\nof {args.comparisons} comparisons of {args.runs} runs:")
    for name, count in counts.items():
        print(f"  {count:>3}  {name}")


def rotated(number: int) -> list[Column]:
    """The three columns, another one first each time."""
    columns = [
        Column(name=name, title=name, engine="torch", divisions=("matched",), slowdown=slowdown)
        for name, slowdown in (("a", 0.0), ("b", 0.0), ("slow", SLOWDOWN))
    ]
    first = number % len(columns)
    return columns[first:] + columns[:first]


def judge(samples: list[Sample], columns: list[Column], rows: int, many_rows: int) -> dict[str, bool]:
    """What the report would say of a against b, and of `slow` against a in either order."""
    by_name = {column.name: column for column in columns}
    wanted = quantities(rows=rows, many_rows=many_rows, is_classification=True)

    def against(one: str, other: str) -> dict[str, Any]:
        pair = [by_name[other], by_name[one]]
        division: DivisionResult = make_division(gather_samples("matched", pair, samples), wanted)
        return {row.name: row.contrasts[one] for row in division.rows if one in row.contrasts}

    same = against("b", "a")
    told = {"a is told from b in some row": any(contrast.is_measurable for contrast in same.values())}
    told |= {f"a is told from b: {name}": contrast.is_measurable for name, contrast in same.items()}
    for one, other in (("slow", "a"), ("a", "slow")):
        found = against(one, other)
        told |= {f"{one} against {other}, found in {name}": found[name].is_measurable for name in TIMED}
    return told


if __name__ == "__main__":
    main()
