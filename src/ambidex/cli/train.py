"""Train a model on a table or a series, certify it, and write OUT.ambidex.

Examples:
  ambidex train adult.csv.gz --target income -o adult.ambidex
  ambidex train ETTh1.csv --target OT --time date --horizon 24 --model lstm --backend tensorflow -o oil.ambidex
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ambidex.cli.data_arguments import add_series_arguments, fraction_or_file, names
from ambidex.cli.output import add_output_arguments, note, print_editions, print_json, print_measures

PATHS: dict[str, str] = {
    "target": "targets",
    "task": "task",
    "model": "model",
    "backend": "backend",
    "device": "plan.device",
    "precision": "plan.precision",
    "epochs": "plan.epochs",
    "batch_size": "plan.batch_size",
    "learning_rate": "plan.optimizer.learning_rate",
    "optimizer": "plan.optimizer.name",
    "clip": "plan.optimizer.clip",
    "loss": "loss",
    "metric": "metric",
    "validation": "validation",
    "split": "split",
    "patience": "plan.patience",
    "seed": "plan.seed",
    "time_budget": "plan.time_budget_s",
    "drop": "drop",
    "weight": "weight",
    "class_weight": "class_weight",
    "deterministic": "plan.is_deterministic",
    "threads": "plan.threads",
    "threshold": "threshold",
    "accumulate": "plan.accumulate",
    "ema": "plan.ema",
    "compile": "plan.compile",
    "certificate_rows": "certificate_rows",
    "time": "series.time",
    "horizon": "series.horizon",
    "window": "series.window",
    "series": "series.keys",
    "past": "series.past",
    "quantiles": "quantiles",
    "scaling": "series.scaling",
    "train_end": "series.train_end",
    "validation_end": "series.validation_end",
}
"""Every flag and the field of the experiment that it sets."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `train`."""
    parser.add_argument("data", metavar="DATA", help="CSV, Parquet, Arrow or JSON lines, also .gz; - is standard input")
    parser.add_argument("-o", "--output", required=True, metavar="OUT.ambidex", help="where to write the model")
    parser.add_argument("--target", type=names, metavar="COL[,COL…]", help="what to predict")
    _add_training(parser)
    _add_data(parser)
    series = add_series_arguments(parser)
    series.add_argument("--quantiles", type=_numbers, metavar="Q,…", help="levels to forecast beside the point")
    add_output_arguments(parser)


def _add_training(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("training").add_argument
    add("--model", metavar="NAME", help="an architecture (ambidex models), or auto")
    add("--backend", metavar="NAME", help="torch, tensorflow or jax; else the first that is installed")
    add("--device", metavar="NAME", help="auto, cpu, cuda or cuda:N")
    add("--precision", metavar="TYPE", help="float32, tf32, bfloat16 or float16")
    add("--epochs", type=int, metavar="N", help="at most this many; --patience usually ends it earlier")
    add("--batch-size", type=int, metavar="N", help="rows per step")
    add("--learning-rate", type=float, metavar="X")
    add("--optimizer", metavar="NAME", help="adamw, adam or sgd")
    add("--clip", type=float, metavar="X", help="limit the norm of the gradient (0: off)")
    add("--loss", metavar="NAME", help="cross_entropy, mse, mae, huber, quantile, or module:function")
    add("--metric", metavar="NAME", help="what chooses the best epoch (default: the validation loss)")
    add("--patience", type=int, metavar="N", help="stop after this many epochs without a better one")
    add("--seed", type=int, metavar="N")
    add("--time-budget", type=float, metavar="SECONDS", help="stop after the epoch that passes it")
    add("--accumulate", type=int, metavar="N", help="batches per update")
    add(
        "--ema", type=float, nargs="?", const=0.99, metavar="DECAY", help="keep an average of the weights, and use that"
    )
    add("--compile", metavar="WHEN", help="auto, on or off: torch.compile, XLA")
    add("--threads", type=int, metavar="N")
    add("--deterministic", action="store_true", default=None, help="equal runs give equal files")
    add(
        "--resume",
        action="store_true",
        help="go on from OUT.ambidex.ckpt/, in another --backend or --device if you name one",
    )
    add("--config", metavar="FILE.toml", help="the experiment as TOML; flags go above it")
    add("--set", action="append", default=[], metavar="KEY=VALUE", help="any field of the experiment")


def _add_data(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("data").add_argument
    add("--task", metavar="KIND", help="auto, binary, multiclass, regression or forecast")
    add("--validation", type=fraction_or_file, metavar="FRACTION|FILE", help="rows that choose the best epoch (0.2)")
    add("--split", metavar="HOW", help="random (stratified for classes), time, group:COL or hash:COL")
    add("--drop", type=names, metavar="COL,…", help="columns to leave out")
    add("--weight", metavar="COL", help="a column of row weights")
    add("--class-weight", metavar="HOW", help="balanced: rare classes count as much as common ones")
    add("--threshold", type=float, metavar="P", help="probability from which the second class is decided (0.5)")
    add("--certificate-rows", metavar="KIND", help="real, or synthetic: no row of the data leaves with the model")


def _numbers(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected numbers between commas, got {text!r}") from None


def run(args: argparse.Namespace) -> int:
    """Runs the command."""
    from ambidex.artifact.store import check_apart, check_writable
    from ambidex.config import Given, resolve
    from ambidex.data.read import read_table
    from ambidex.training.progress import make_watcher
    from ambidex.workflow.train import Session, train

    check_apart(args.output, args.data, args.config or "", str(args.validation or ""))
    check_writable(args.output)
    experiment = resolve(Given(values=_given(args), assignments=args.set, file=args.config or ""))
    table = read_table(args.data)
    session = Session(
        watcher=make_watcher(experiment.plan.epochs, is_quiet=args.quiet),
        say=lambda text: note(text, is_quiet=args.quiet),
        is_resuming=args.resume,
    )
    trained = train(table, experiment, Path(args.output), session=session)
    if args.json:
        print_json(trained.summary())
        return 0
    _print_result(trained)
    return 0


def _given(args: argparse.Namespace) -> dict[str, Any]:
    from ambidex.errors import UsageError, expected

    values = {path: getattr(args, flag) for flag, path in PATHS.items()}
    given = {path: value for path, value in values.items() if value is not None}
    if "targets" not in given and not args.config and not any(text.startswith("targets=") for text in args.set):
        raise UsageError(expected("the column to predict", got="none", fix="Name it with --target."), where="--target")
    return given


def _print_result(trained: Any) -> None:
    record = trained.record
    epochs = len(record.history.epochs) - 1
    how = "solved" if epochs < 0 else f"{epochs} epochs, ended by {record.history.stopped_by}"
    print(f"\n{trained.task} · {record.experiment.model} · {record.backend} · {how} · {trained.fit_s:.1f} s\n")
    print_measures(record.metrics, record.baselines)
    print("\ncertificate: every edition beside the float64 reference")
    print_editions(trained.certificate.editions)
    print(f"\nwrote {trained.path} ({trained.path.stat().st_size / 1024:.0f} KB)")
