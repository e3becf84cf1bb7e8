"""Predict the rows of a table, or the next steps of series, with onnxruntime alone.

The input's columns are kept and the answers appended (tables); the target column is not needed.

Examples:
  ambidex predict adult.ambidex new.csv -o scored.csv
  cat new.jsonl | ambidex predict adult.ambidex - > scored.jsonl
"""

from __future__ import annotations

import argparse

from ambidex.cli.output import add_output_arguments, note, print_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `predict`."""
    parser.add_argument("model", metavar="FILE.ambidex")
    parser.add_argument("data", metavar="DATA", help="CSV, Parquet, Arrow or JSON lines, also .gz; - is standard input")
    parser.add_argument(
        "-o", "--output", default="-", metavar="OUT", help="the file to write, by suffix; - is standard output"
    )
    add_output_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Runs the command."""
    from ambidex.artifact.store import check_apart
    from ambidex.data.read import read_table
    from ambidex.data.write import write_table
    from ambidex.errors import UsageError, expected
    from ambidex.workflow.load import load
    from ambidex.workflow.predict import answer_columns, extra_notes, forecast_columns, predict_packed

    if args.json and args.output == "-":
        fix = "Name a file with -o."
        raise UsageError(expected("a file to write beside --json", got="standard output", fix=fix), where="-o")
    check_apart(args.output, args.model, args.data)
    artifact = load(args.model)
    table = read_table(args.data)
    for text in extra_notes(artifact.schema, table):
        note(text, is_quiet=args.quiet)
    if artifact.task.kind == "forecast":
        columns = forecast_columns(artifact, table)
    else:
        columns = table.columns() | answer_columns(artifact.task, predict_packed(artifact, table))
    rows = len(next(iter(columns.values())))
    write_table(args.output, columns)
    if args.output != "-":
        note(f"wrote {args.output} ({rows} rows)", is_quiet=args.quiet or args.json)
    if args.json:
        print_json({"output": args.output, "rows": rows, "columns": list(columns), "task": artifact.task.kind})
    return 0
