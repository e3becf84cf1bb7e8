"""Trains an oil price forecaster on a loss of its own, by the command and from Python, beside the plain absolute error.

python examples/trading_loss/run.py --backend torch
python examples/trading_loss/run.py --backend tensorflow --epochs 3
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
from pathlib import Path

from directional import directional_loss

from ambidex import Forecaster

HERE = Path(__file__).resolve().parent
DATA = HERE.parent / "data" / "wti_daily.csv"
OUT = HERE.parent / "out"
HORIZON, WINDOW, UNITS = 5, 30, 16


def by_command(backend: str, epochs: int) -> None:
    """`--loss module:function` finds the module in the working folder."""
    OUT.mkdir(exist_ok=True)
    command = [
        *("train", str(DATA), "--target", "Price", "--time", "Date"),
        *("--horizon", str(HORIZON), "--window", str(WINDOW), "--scaling", "log_ratio"),
        *("--model", "lstm", "--set", f"units={UNITS}", "--epochs", str(epochs)),
        *("--backend", backend, "--loss", "directional:directional_loss"),
        *("-o", str(OUT / "oil.ambidex")),
    ]
    print("$ ambidex", *command, flush=True)
    subprocess.run([sys.executable, "-m", "ambidex", *command], cwd=HERE, check=True)


def from_python(backend: str, epochs: int) -> None:
    """The same with a function in place of its name, and what it does to the measures."""
    with DATA.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    oil = {name: [row[name] for row in rows] for name in ("Date", "Price")}
    print("\nloss              mae     directional accuracy, on the last fifth of the time")
    for name, loss in (("mae", "mae"), ("directional_loss", directional_loss)):
        model = Forecaster(
            horizon=HORIZON,
            window=WINDOW,
            scaling="log_ratio",
            model="lstm",
            backend=backend,
            epochs=epochs,
            loss=loss,
            settings={"units": UNITS},
            certify="backend",
        ).fit(oil, target="Price", time="Date")
        metrics = model.artifact_.training.metrics
        print(f"{name:16}  {metrics['mae']:.3f}   {metrics['directional_accuracy']:.3f}")
        print(f"{'':16}  next days: {[round(price, 2) for price in model.predict(oil)['Price']]}")


def main() -> None:
    """Runs both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backend", default="auto", help="torch, tensorflow or jax; else the first that is installed")
    parser.add_argument("--epochs", type=int, default=6)
    args = parser.parse_args()
    by_command(args.backend, args.epochs)
    from_python(args.backend, args.epochs)


if __name__ == "__main__":
    main()
