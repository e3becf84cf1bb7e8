"""Measure a model on data whose answers are known, beside naive baselines.

For series every window (stride 1) counts whose first forecast step is at or after --from and last at or before --to,
with as much earlier history as the window needs.

Examples:
  ambidex evaluate adult.ambidex test.csv
  ambidex evaluate oil.ambidex ETTh1.csv --from "2017-10-24" --to "2018-02-20 23:00"
"""

from __future__ import annotations

import argparse

from ambidex.cli.output import add_output_arguments, note, print_json, print_measures


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `evaluate`."""
    parser.add_argument("model", metavar="FILE.ambidex")
    parser.add_argument("data", metavar="DATA", help="CSV, Parquet, Arrow or JSON lines, also .gz; - is standard input")
    parser.add_argument("--from", dest="first", default="", metavar="TIME", help="series: the first forecast step")
    parser.add_argument("--to", dest="last", default="", metavar="TIME", help="series: the last forecast step")
    parser.add_argument("-o", "--output", metavar="RESIDUALS", help="write actual, predicted and their difference")
    add_output_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Runs the command."""
    from ambidex.artifact.store import check_apart
    from ambidex.data.read import read_table
    from ambidex.data.write import write_table
    from ambidex.workflow.evaluate import evaluate, residual_columns
    from ambidex.workflow.load import load

    check_apart(args.output or "", args.model, args.data)
    artifact = load(args.model)
    table = read_table(args.data)
    evaluation = evaluate(artifact, table, first=args.first, last=args.last)
    for text in evaluation.notes:
        note(text, is_quiet=args.quiet)
    if args.output:
        write_table(args.output, residual_columns(artifact, table, first=args.first, last=args.last))
        note(f"wrote {args.output}", is_quiet=args.quiet)
    if args.json:
        print_json(evaluation.summary())
        return 0
    unit = "windows" if artifact.task.kind == "forecast" else "rows"
    print(f"{evaluation.report.count} {unit}\n")
    print_measures(evaluation.report.metrics, evaluation.report.baselines)
    return 0
