"""Turn a model of another library into an artifact that predicts, serves and verifies like every other.

Its answers on your rows are compared with the original's; where they differ nothing is written. Files that can run
code when they are read need --trust. Every file is read in a process of its own.

reads:
  .pkl .pickle .joblib  scikit-learn, also pipelines, also with LightGBM or XGBoost inside (needs --trust)
  .skops                scikit-learn
  .txt .lgb             LightGBM         .ubj .json .xgb  XGBoost        .cbm  CatBoost
  .onnx                 any model of columns
  .pt .pth .ts .pt2     TorchScript, torch.export (need --trust)
  .keras, a folder      Keras, SavedModel (need --trust)

Examples:
  ambidex import churn.skops --data customers.csv --target churned -o churn.ambidex
  ambidex import model.pkl --trust --data rows.csv --target price -o price.ambidex
  ambidex import scorer.onnx --classes no,yes -o scorer.ambidex
"""

from __future__ import annotations

import argparse

from ambidex.cli.output import add_output_arguments, print_json

SUFFIX = ".ambidex"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `import`."""
    parser.add_argument("model", metavar="FILE")
    parser.add_argument("-o", "--output", required=True, metavar="OUT.ambidex")
    parser.add_argument("--data", default="", metavar="DATA", help="rows to compare on; they also type the columns")
    parser.add_argument("--target", default="prediction", metavar="NAME", help="what the answer is called")
    parser.add_argument("--classes", default="", metavar="A,B,…", help="labels that a file does not hold")
    parser.add_argument("--trust", action="store_true", help="read a file that can run code")
    add_output_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Runs the command."""
    from ambidex.artifact.store import check_apart, check_writable, write_whole
    from ambidex.errors import OutputFileError, expected
    from ambidex.workflow.ingest import Wish, import_file
    from ambidex.workflow.train import edition_summary

    if not args.output.endswith(SUFFIX):
        raise OutputFileError(expected(f"a name that ends in {SUFFIX}", got=args.output, where="-o"), where="-o")
    check_apart(args.output, args.model, args.data)
    check_writable(args.output)
    done = import_file(
        Wish(
            path=args.model,
            data=args.data,
            target=args.target,
            classes=_labels(args.classes),
            is_trusted=args.trust,
        )
    )
    write_whole(args.output, [done.artifact.opened.data])
    if args.json:
        print_json(
            {
                "artifact": args.output,
                "origin": done.origin,
                "task": done.artifact.task.kind,
                "classes": list(done.artifact.classes),
                "notes": list(done.notes),
                "certificate": {"onnx": edition_summary(done.edition)},
            }
        )
        return 0
    edition = done.edition
    print(f"wrote {args.output}: {done.artifact.task.kind} by {done.origin}")
    print(
        f"largest difference from the original {edition.max_abs:.1e} (allowed {edition.tolerance:.1e}), "
        f"{edition.changed_decisions} changed decisions on {edition.rows} rows"
    )
    for note in done.notes:
        print(f"note: {note}")
    return 0


def _labels(given: str) -> tuple[str | int, ...]:
    """Whole numbers where all are."""
    names = tuple(name.strip() for name in given.split(",") if name.strip())
    if names and all(name.lstrip("-").isdigit() for name in names):
        return tuple(int(name) for name in names)
    return names
