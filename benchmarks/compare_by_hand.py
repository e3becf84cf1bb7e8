"""Do the training times of `ambidex compare` agree with the same code run by hand under a plain timer?

    python benchmarks/compare_by_hand.py [--runs 5] [--epochs 8]

By hand means a script that imports a framework and NumPy, and nothing of ours: `by_hand/plain_torch.py` and
`by_hand/plain_keras.py`. Each is trained on the same rows beside the column of the division Defaults, in processes of
their own that take turns epoch by epoch, because a machine is not equally busy from one minute to the next. Printed is
the median quotient of neighbouring epochs, ours divided by the script's, with its interval, on the clock and in
processor time; asked for is 0.9 to 1.1. On a busy machine believe the processor time.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec
import numpy as np

from ambidex.compare.column import COLUMNS, Column
from ambidex.compare.job import Prepared, write_job
from ambidex.compare.prepare import FULL, prepare_task
from ambidex.compare.process import Process
from ambidex.compare.statistics import interval
from ambidex.compare.worker import Seat
from ambidex.config import Given, resolve
from ambidex.data.read import read_table
from ambidex.graph import Graph, infer_values, read_node

HERE = Path(__file__).parent
DATA = HERE.parent / "examples" / "data" / "adult.csv.gz"
SCRIPTS = {"torch": "plain_torch.py", "tensorflow": "plain_keras.py", "tensorflow-xla": "plain_keras.py"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=8)
    args = parser.parse_args()
    given = Given(values={"targets": ["income"], "plan.device": "cpu"}, assignments=["dropout=0"])
    effort = msgspec.structs.replace(FULL, epochs=args.epochs)
    prepared = prepare_task(resolve(given), read_table(DATA), effort).prepared
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "job").mkdir()
        write_job(folder / "job", prepared)
        write_plain(folder, prepared)
        for column, script in SCRIPTS.items():
            runs = [one_run(COLUMNS[column], script, folder, run, prepared) for run in range(args.runs)]
            for place, clock in enumerate(("on the clock", "processor time")):
                found = interval([logs[place] for logs in runs])
                low, middle, high = (float(np.exp(value)) for value in (found.low, found.median, found.high))
                verdict = "agrees" if 0.9 <= middle <= 1.1 else "differs"
                print(
                    f"{column:<15} {clock:<14} ours / by hand {middle:.3f} ({low:.3f} to {high:.3f})  {verdict}",
                    flush=True,
                )


def write_plain(folder: Path, prepared: Prepared) -> None:
    """The rows as arrays, and the sizes of the network, for scripts that know nothing of ours."""
    graph = prepared.graphs["defaults"]
    floats = [name for name in graph.prepared if prepared.train.inputs[name].dtype.kind == "f"]
    codes = [name for name in graph.prepared if name not in floats]
    assert len(floats) == len(codes) == 1
    np.savez(
        folder / "plain.npz",
        numbers=prepared.train.inputs[floats[0]],
        codes=prepared.train.inputs[codes[0]],
        target=prepared.train.target,
    )
    job = prepared.job
    sizes = {"batch": job.plan.batch_size, "epochs": job.plan.epochs, "threads": job.plan.threads, **layers(graph)}
    (folder / "plain.json").write_text(json.dumps(sizes), encoding="utf-8")


def layers(graph: Graph) -> dict[str, list[list[int]] | list[int]]:
    """Count and width of each embedding, and the widths of the dense layers."""
    infer_values(graph)
    tables, widths = [], []
    for node in graph.network:
        attrs = read_node(node)[1]
        if node.op == "embedding":
            tables.append([attrs.count, attrs.width])
        if node.op == "dense":
            widths.append(attrs.units)
    return {"embeddings": tables, "widths": widths}


def one_run(column: Column, script: str, folder: Path, run: int, prepared: Prepared) -> list[float]:
    """The median logarithms of quotients of neighbouring epochs in one run of fresh processes: clock, processor."""
    seat = Seat(column=column, seed=run, job=str(folder / "job"))
    ours = Process(seat, folder / f"{column.name}-{run}", cache=folder / "cache")
    threads = str(prepared.job.plan.threads)
    env = {
        **os.environ,
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "OMP_NUM_THREADS": threads,
        "MKL_NUM_THREADS": threads,
        "KERAS_BACKEND": "tensorflow",
    }
    command = [sys.executable, str(HERE / "by_hand" / script), str(folder), "xla" if column.is_compiled else "graph"]
    theirs = subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        for step in ("import", "create", "first_step", "warm_up"):
            ours.ask(f"{step} defaults")
        turn(theirs)  # their epoch of warm-up
        logs = []
        for epoch in range(prepared.job.plan.epochs):
            if (epoch + run) % 2:
                by_hand = turn(theirs)
                measured = ours.ask("epoch defaults").values
            else:
                measured = ours.ask("epoch defaults").values
                by_hand = turn(theirs)
            logs.append(np.log([measured["epoch_s"][0] / by_hand[0], measured["epoch_cpu_s"][0] / by_hand[1]]))
        return [float(value) for value in np.median(logs, axis=0)]
    finally:
        ours.end()
        theirs.kill()
        theirs.communicate()


def turn(process: subprocess.Popen[str]) -> tuple[float, float]:
    """Lets the script train an epoch; the seconds that it printed, on the clock and of the processor."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("\n")
    process.stdin.flush()
    wall, cpu = process.stdout.readline().split()
    return float(wall), float(cpu)


if __name__ == "__main__":
    main()
