"""The model card: what a person should know of a model, as Markdown."""

from __future__ import annotations

from ambidex.artifact.certificate import Edition
from ambidex.schema import Schema
from ambidex.workflow.bundle import TrainingRecord

MAX_LEVELS = 8


def make_card(schema: Schema, record: TrainingRecord, editions: dict[str, Edition], *, origin: str = "") -> str:
    """The card; `origin` is what the model was imported from."""
    targets = ", ".join(target.name for target in schema.task.targets)
    lines = [
        f"# {targets}: {schema.task.kind} by `{record.experiment.model}`",
        "",
        *(_imported(origin) if origin else _trained(record)),
        "## What it takes",
        "",
        "| column | kind | role | seen in training |",
        "|---|---|---|---|",
        *(f"| {column.name} | {column.kind} | {column.role} | {_seen(column)} |" for column in schema.columns),
        "",
        "## Certificate",
        "",
        "| edition | state | largest difference | changed decisions |",
        "|---|---|---|---|",
        *(_edition(name, edition) for name, edition in editions.items()),
        "",
        "## Notes",
        "",
        *(f"- {note}" for note in record.notes),
        "",
    ]
    return "\n".join(lines)


def _trained(record: TrainingRecord) -> list[str]:
    return [
        f"Trained with ambidex on {record.reference.train_rows} rows ({record.backend}).",
        "",
        "## How good it is",
        "",
        "On the validation part, beside baselines:",
        "",
        *_measures(record),
        "",
    ]


def _imported(origin: str) -> list[str]:
    return [
        f"Imported from {origin}. Not trained here, so nothing is said of how good it is: see `ambidex evaluate`.",
        "The certificate compares it with the original's own answers.",
        "",
    ]


def _measures(record: TrainingRecord) -> list[str]:
    names = [name for name in record.metrics if ":" not in name]
    head = [
        "| measure | model | " + " | ".join(record.baselines) + " |",
        "|---|---" + "|---" * len(record.baselines) + "|",
    ]
    rows = []
    for name in names:
        baselines = " | ".join(f"{values[name]:.4g}" if name in values else "" for values in record.baselines.values())
        rows.append(f"| {name} | {record.metrics[name]:.4g} | {baselines} |")
    return head + rows


def _seen(column: object) -> str:
    levels = getattr(column, "levels", ())
    if levels:
        shown = ", ".join(levels[:MAX_LEVELS])
        return f"{shown}, …" if len(levels) > MAX_LEVELS else shown
    low, high = getattr(column, "minimum", None), getattr(column, "maximum", None)
    return "" if low is None else f"{low:g} to {high:g}"


def _edition(name: str, edition: Edition) -> str:
    largest = "" if edition.max_abs is None else f"{edition.max_abs:.1e}"
    return f"| {name} | {edition.status} | {largest} | {edition.changed_decisions if largest else edition.reason} |"
