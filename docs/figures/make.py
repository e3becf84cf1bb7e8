"""Draws the pictures of the README from real runs: `python docs/figures/make.py` (torch, tensorflow and matplotlib).

`lockstep.png`: the loss of every step in PyTorch and in TensorFlow, from one seed. `forecast.png`: two years of CO₂
that the model has not seen, with quantiles. Takes some minutes; the models stay in `docs/figures/out/`.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
DATA = ROOT / "examples" / "data"
OUT = HERE / "out"
# Okabe and Ito's colours, which people with any kind of colour vision can tell apart.
BLUE, ORANGE, GREY, GREEN = "#0072B2", "#E69F00", "#555555", "#009E73"
STEPS = 300
NONE = 1e-8
"""Where equal losses are drawn on a logarithmic axis."""
LAST_SEEN = "1999-12-25"


def ambidex(*arguments: str) -> None:
    """Runs a command of the checkout, and shows it."""
    print("$ ambidex", *arguments, flush=True)
    path = os.pathsep.join(part for part in (str(ROOT / "src"), os.environ.get("PYTHONPATH", "")) if part)
    command = [sys.executable, "-m", "ambidex", *arguments]
    subprocess.run(command, check=True, cwd=ROOT, env=os.environ | {"PYTHONPATH": path})


def training_record(path: Path) -> Any:
    """`training.json` of an artifact, which is a plain zip."""
    with zipfile.ZipFile(path) as file:
        return json.loads(file.read("training.json"))


def losses(backend: str) -> list[float]:
    """The loss of each step on `adult`, without dropout, which is the one thing that engines draw differently."""
    path = OUT / f"adult-{backend}.ambidex"
    if not path.exists():
        ambidex(
            "train", str(DATA / "adult.csv.gz"), "--target", "income", "--drop", "uci_split", "--backend", backend,
            "--epochs", "5", "--threads", "1", "--set", "dropout=0", "--set", "record_steps=true",
            "--set", "editions=onnx", "-o", str(path),
        )  # fmt: skip
    return [float(loss) for loss in training_record(path)["history"]["steps"][:STEPS]]


def draw_lockstep() -> None:
    """Both curves, and how far apart they are."""
    first, second = losses("torch"), losses("tensorflow")
    apart = [abs(a - b) / abs(a) for a, b in zip(first, second, strict=True)]
    steps = range(1, len(first) + 1)
    figure, (above, below) = plt.subplots(
        2, 1, figsize=(7.2, 4.6), sharex=True, height_ratios=(3, 1.5), layout="constrained"
    )
    above.plot(steps, first, color=ORANGE, linewidth=4.5, label="PyTorch", solid_capstyle="round")
    above.plot(steps, second, color=BLUE, linewidth=1.3, linestyle=(0, (4, 2)), label="TensorFlow")
    above.set_ylabel("training loss\n(cross-entropy, nats)")
    above.legend(frameon=False, loc="upper right")
    above.set_title("One seed, two frameworks: the same loss at every step", loc="left", fontweight="bold")
    below.semilogy(steps, [max(value, NONE) for value in apart], ".", color=GREY, markersize=3)
    below.set_yticks([NONE, 1e-7, 1e-5, 1e-3], ["none", "10⁻⁷", "10⁻⁵", "10⁻³"])
    below.minorticks_off()
    below.set_ylabel("relative\ndifference")
    below.set_xlabel("training step (mlp on adult, batches of 512 rows, no dropout)")
    below.set_ylim(NONE / 2, 2e-3)
    below.set_xlim(0, len(first))
    _finish(figure, "lockstep.png")
    print(f"largest relative difference: {max(apart):.1e}; through step 10: {max(apart[:10]):.1e}")


def draw_forecast() -> None:
    """Two years after the last row that was looked at, beside what came."""
    with (DATA / "co2_weekly_missing.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["co2"]]
    times = [datetime.strptime(row["date"], "%Y%m%d") for row in rows]
    levels = [float(row["co2"]) for row in rows]
    model, history, answer = OUT / "co2.ambidex", OUT / "co2-history.csv", OUT / "co2-forecast.csv"
    if not model.exists():
        ambidex(
            "train", str(DATA / "co2_weekly_missing.csv"), "--target", "co2", "--time", "date", "--horizon", "104",
            "--window", "208", "--model", "lstm", "--set", "residual=linear", "--quantiles", "0.1,0.5,0.9",
            "--backend", "torch", "--train-end", "1995-12-30", "--validation-end", LAST_SEEN, "--threads", "1",
            "--set", "editions=onnx", "-o", str(model),
        )  # fmt: skip
    seen = sum(time <= datetime.fromisoformat(LAST_SEEN) for time in times)
    with history.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["date", "co2"])
        writer.writerows(
            [time.strftime("%Y%m%d"), level] for time, level in zip(times[:seen], levels[:seen], strict=True)
        )
    ambidex("predict", str(model), str(history), "-o", str(answer))
    _draw_forecast(times, levels, seen, list(csv.DictReader(answer.open())))


def _draw_forecast(times: list[datetime], levels: list[float], seen: int, forecast: list[dict[str, str]]) -> None:
    ahead = [_time(row["date"]) for row in forecast]
    low, high = ([float(row[f"co2_q{level}"]) for row in forecast] for level in ("0.1", "0.9"))
    figure, axes = plt.subplots(figsize=(7.2, 3.4), layout="constrained")
    axes.plot(times[seen - 156 : seen], levels[seen - 156 : seen], color=GREY, linewidth=1.2, label="history")
    later = [(time, level) for time, level in zip(times, levels, strict=True) if times[seen - 1] <= time <= ahead[-1]]
    axes.fill_between(ahead, low, high, color=BLUE, alpha=0.25, linewidth=0, label="forecast, 10 % to 90 %")
    axes.plot(ahead, [float(row["co2"]) for row in forecast], color=BLUE, linewidth=1.8, label="forecast")
    axes.plot(*zip(*later, strict=True), color=ORANGE, linewidth=1.2, label="what came")
    axes.axvline(times[seen - 1], color=GREY, linewidth=0.8, linestyle=":")
    axes.set_ylabel("CO₂ at Mauna Loa (ppm)")
    axes.set_xlabel("year")
    axes.set_title("Two years ahead of the last row that was looked at", loc="left", fontweight="bold")
    axes.legend(frameon=False, loc="upper left")
    _finish(figure, "forecast.png")


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text) if "-" in text else datetime.strptime(text[:8], "%Y%m%d")


def _finish(figure: Any, name: str) -> None:
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", color="#DDDDDD", linewidth=0.6)
        axes.set_axisbelow(True)
    figure.savefig(HERE / name, dpi=130, metadata={"Software": None})
    plt.close(figure)
    print(f"wrote {name} ({(HERE / name).stat().st_size / 1024:.0f} KB)")


if __name__ == "__main__":
    OUT.mkdir(exist_ok=True)
    draw_lockstep()
    draw_forecast()
